"""The pinned reference: an artifact whose bytes and whose work are the same in every job, on every machine, for years.

A job's figures drift with the machine; their ratio to the reference, measured in the same slices, does not. The work of
a call is described here and done by the agent's runtime `reference`. Any change of it needs another version, and begins
a new series of every figure that was kept as a ratio to it.
"""

import json
from dataclasses import asdict, dataclass

from mltest.shared.errors import ModelInvalidError

REFERENCE_RUNTIME = "reference"
REFERENCE_FORMAT = "reference"

_VERSION = 1
_MAX_SIZE = 1 << 12
_MAX_DEPTH = 16
_MAX_NODES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceWork:
    """What one call does, whatever rows it gets."""

    version: int = _VERSION
    seed: int = 20_240_229
    """Of every number that it works on."""
    tree_count: int = 64
    """Trees that are walked by interpreted Python, from the root to a leaf."""
    tree_depth: int = 10
    feature_count: int = 32
    """Of the rows that it walks them with, which are its own."""
    row_count: int = 512
    """Calls use them in turn."""
    table_rows: int = 4096
    """Of a table from which NumPy gathers `width` rows, which it compares, selects and multiplies."""
    width: int = 64


def reference_artifact() -> bytes:
    """Return the artifact; always the same bytes."""
    return json.dumps(asdict(ReferenceWork()), sort_keys=True, indent=1).encode("ascii")


def reference_work(content: bytes) -> ReferenceWork:
    """Return what the artifact `content` asks for.

    Raises:
        ModelInvalidError: it is not such an artifact, is of another version, or asks for more than any version may.

    """
    try:
        work = ReferenceWork(**json.loads(content))
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelInvalidError(detail=f"it is not the reference's description ({error})") from error
    sizes = asdict(work)
    seed, version = sizes.pop("seed"), sizes.pop("version")
    if version != _VERSION:
        raise ModelInvalidError(detail=f"this software knows version {_VERSION} of the reference only")
    if not _is_number(seed, 2**32) or not all(_is_number(size, _MAX_SIZE) for size in sizes.values()):
        raise ModelInvalidError(detail=f"sizes and seed of the reference are whole numbers from 1 to {_MAX_SIZE}")
    if work.tree_depth > _MAX_DEPTH or work.tree_count << work.tree_depth > _MAX_NODES:
        raise ModelInvalidError(detail="the trees of the reference are too large")
    return work


def _is_number(value: object, largest: int) -> bool:
    return type(value) is int and 1 <= value <= largest
