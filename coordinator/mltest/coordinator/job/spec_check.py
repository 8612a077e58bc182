"""What can be said about a submission before anything is opened; of the model that is nothing. Pure."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from mltest.coordinator.planning.plan_file import parse_plan
from mltest.shared.domain import FileRef, JobSpec
from mltest.shared.errors import DataInvalidError, RequestInvalidError

TABLE_SUFFIXES = frozenset((".csv", ".parquet"))
_MAX_NAME_CHARS = 200
_MAX_ADDRESSES = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[\w.-]{1,253}):[0-9]{1,5}", re.ASCII)


def check_spec(spec: JobSpec) -> None:
    """Return if `spec` may become a job.

    Raises:
        DataInvalidError, PlanInvalidError, RequestInvalidError: what is wrong.

    """
    for file in (spec.model, *spec.data, *spec.training):
        _check_file(file)
    _check_data(spec.data, spec.target)
    if spec.training:
        _check_data(spec.training, spec.target)
    if len(spec.group) > _MAX_NAME_CHARS:
        raise RequestInvalidError(detail=f"a column of groups has at most {_MAX_NAME_CHARS} characters in its name")
    _check_addresses(spec)
    parse_plan(spec.plan_toml)


def _check_file(file: FileRef) -> None:
    is_name = 0 < len(file.name) <= _MAX_NAME_CHARS and file.name.isprintable() and "/" not in file.name
    if not is_name:
        raise RequestInvalidError(detail=f"{file.name[:80]!r} is not a file name")
    if not _SHA256.fullmatch(file.sha256):
        raise RequestInvalidError(detail=f"the SHA-256 of {file.name} has to be 64 lower-case hexadecimal digits")


def _check_data(files: Sequence[FileRef], target: str) -> None:
    suffixes = [_suffix(file) for file in files]
    if not suffixes:
        raise DataInvalidError(
            detail="there is none: name an .npz, .csv, .parquet or .txt file, or one or two .npy files"
        )
    is_single = len(suffixes) == 1 and suffixes[0] in TABLE_SUFFIXES | {".npz", ".txt"}
    if not is_single and (set(suffixes) != {".npy"} or len(suffixes) > 2):
        names = ", ".join(file.name for file in files)
        raise DataInvalidError(
            detail=f"{names} is not one .npz, .csv, .parquet or .txt file, nor one or two .npy files"
        )
    if suffixes[0] in TABLE_SUFFIXES and not target:
        raise DataInvalidError(
            detail=f"which column of {files[0].name} holds the true values is not said",
            next_step="name it with --target",
        )


def _check_addresses(spec: JobSpec) -> None:
    if len(spec.agent_addresses) > _MAX_ADDRESSES:
        raise RequestInvalidError(detail=f"more than {_MAX_ADDRESSES} agents are named")
    for address in spec.agent_addresses:
        check_address(address)


def check_address(address: str) -> None:
    """Return if `address` is a host:port; `RequestInvalidError` otherwise."""
    if not _ADDRESS.fullmatch(address) or not 0 < int(address.rpartition(":")[2]) < 65_536:
        raise RequestInvalidError(detail=f"{address[:80]!r} is not an address like host:50760 or [::1]:50760")


def _suffix(file: FileRef) -> str:
    return PurePosixPath(file.name).suffix.lower()
