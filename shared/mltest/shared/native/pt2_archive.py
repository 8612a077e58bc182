"""Reads an exported program of PyTorch without PyTorch: an archive with a graph, and weights as plain numbers.

torch.export.load is for files of one's own: beside what the graph can do to it (`pt2_graph`), it unpickles sample
inputs and every weight that says it is a pickle, and loads machine code. So what it is given in the end is a new
archive, made of the parts that were understood here.

Source: torch/export/pt2_archive/_package.py of PyTorch 2.13.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mltest.shared.errors import ModelInvalidError, ModelRefusedError, ModelUnsupportedError
from mltest.shared.native.pt2_graph import NO_FLAG, ProgramFacts, checked_graph, facts_of_program

GRAPH = "models/model.json"
SAMPLE_INPUTS = "data/sample_inputs/model.pt"
_WEIGHTS, _CONSTANTS = "data/weights/", "data/constants/"
CONFIGS = (f"{_WEIGHTS}model_weights_config.json", f"{_CONSTANTS}model_constants_config.json")
"""Which weight is in which part, and its shape."""
_PAYLOAD = re.compile(r"data/(?:weights/weight|constants/tensor)_\d+")
_UNREAD = re.compile(r"archive_format|archive_version|byteorder|version|\.\w+|\.data/\w+|extra/.*")
"""Written anew, or left out."""
_NAME = re.compile(r"\w+(?:\.\w+)*", re.ASCII)
_MAX_MEMBERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramParts:
    """The parts of an archive that were understood."""

    facts: ProgramFacts
    members: Mapping[str, bytes]
    """By name, without the archive's own folder: graph, configurations and weights; no sample inputs."""


def read_program(path: Path) -> ProgramParts:
    """Return the parts of the archive in `path`, checked.

    Raises:
        ModelInvalidError: it is damaged.
        ModelRefusedError: it holds pickles, machine code or what could be run as code.
        ModelUnsupportedError: it has several inputs, a fixed number of rows or the like, or is for another device.

    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError, EOFError) as error:
        raise ModelInvalidError(detail=f"the PyTorch program is damaged, or a part of one ({error})") from error
    missing = [name for name in (GRAPH, *CONFIGS) if name not in members]
    if missing:
        raise ModelInvalidError(detail=f"the PyTorch program is not complete: it has no {missing[0]}")
    document = checked_graph(members[GRAPH])
    members[GRAPH] = json.dumps(document).encode()
    for name in CONFIGS:
        members[name] = _checked_config(name, members[name], members)
    return ProgramParts(facts=facts_of_program(document), members=members)


def _members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Return what is needed of the archive by name; what is not known in it is refused."""
    found: dict[str, bytes] = {}
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise ModelInvalidError(detail=f"the archive has {len(infos)} members")
    for info in infos:
        name = info.filename.partition("/")[2]
        if info.compress_type != zipfile.ZIP_STORED or name in found:
            raise ModelInvalidError(detail=f"{name[:80]!r} is compressed or there twice, which PyTorch never writes")
        if name in (GRAPH, *CONFIGS) or _PAYLOAD.fullmatch(name):
            found[name] = archive.read(info)
        elif name != SAMPLE_INPUTS and not _UNREAD.fullmatch(name):
            _refuse(name)
    return found


def _refuse(name: str) -> None:
    if name.startswith(("models/", "data/sample_inputs/")) or name.endswith("_config.json"):
        raise ModelUnsupportedError(
            detail=f"it holds several programs, or one that is not called 'model' ({name[:80]})"
        )
    is_code, is_object = "aotinductor" in name, name.startswith("data/")
    what = "machine code" if is_code else "Python objects" if is_object else "something else"
    raise ModelRefusedError(detail=f"beside weights it holds {what} ({name[:80]!r}); {NO_FLAG}", next_step=NO_FLAG)


def _checked_config(name: str, content: bytes, members: Mapping[str, bytes]) -> bytes:
    """Return which weight is in which part, if every weight is plain numbers."""
    folder = name.rpartition("/")[0]
    try:
        entries: dict[str, Any] = json.loads(content)["config"]
        checked = {weight: _checked_entry(weight, entry, folder, members) for weight, entry in entries.items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelInvalidError(detail=f"{name} is damaged ({type(error).__name__}: {error})") from error
    return json.dumps({"config": checked}).encode()


def _checked_entry(weight: str, entry: dict[str, Any], folder: str, members: Mapping[str, bytes]) -> dict[str, Any]:
    if entry["use_pickle"]:
        detail = f"the weight {weight[:80]!r} is a pickle, and a pickle can run any code when it is opened; {NO_FLAG}"
        raise ModelRefusedError(detail=detail, next_step=NO_FLAG)
    meta = entry["tensor_meta"]
    if not _NAME.fullmatch(weight) or f"{folder}/{entry['path_name']}" not in members:
        raise ValueError(f"{weight[:80]!r} has no numbers")
    if meta["device"]["type"] != "cpu":
        raise ModelUnsupportedError(
            detail=f"its weights are on the device {meta['device']['type']!r}; export it on the CPU"
        )
    return {
        "path_name": str(entry["path_name"]),
        "is_param": bool(entry["is_param"]),
        "use_pickle": False,
        "tensor_meta": {
            "dtype": int(meta["dtype"]),
            "sizes": [_size(size) for size in meta["sizes"]],
            "requires_grad": False,
            "device": {"type": "cpu", "index": None},
            "strides": [_size(size) for size in meta["strides"]],
            "storage_offset": _size(meta["storage_offset"]),
            "layout": int(meta["layout"]),
        },
    }


def _size(size: dict[str, Any]) -> dict[str, int]:
    count = int(size["as_int"])
    if count < 0:
        raise ValueError("a size is negative")
    return {"as_int": count}
