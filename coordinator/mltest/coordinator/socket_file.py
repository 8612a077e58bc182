"""Where a coordinator listens for other processes of its machine, and how they find that."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOCKET_NAME = "coordinator.sock"
_ADDRESS_NAME = "coordinator.address"
_MAX_PATH_BYTES = 100
"""A socket's path has at most 107 bytes (unix(7))."""


@contextmanager
def socket_path(folder: Path) -> Iterator[Path]:
    """Yield the path for the socket of the state directory `folder`; elsewhere if that is too long a name."""
    path = folder.absolute() / _SOCKET_NAME
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        path.unlink(missing_ok=True)
        yield path
        path.unlink(missing_ok=True)
        return
    short = Path(tempfile.mkdtemp(prefix="mltest-", dir=os.environ.get("XDG_RUNTIME_DIR")))
    try:
        yield short / _SOCKET_NAME
    finally:
        shutil.rmtree(short, ignore_errors=True)


@contextmanager
def published_address(folder: Path, address: str) -> Iterator[None]:
    """Let other processes find `address` below `folder` meanwhile."""
    record = folder / _ADDRESS_NAME
    draft = record.with_suffix(".new")
    draft.write_text(address)
    draft.replace(record)
    try:
        yield
    finally:
        record.unlink(missing_ok=True)


def read_address(folder: Path) -> str | None:
    """Return the address that was published last; None if nobody serves. It may be that of a dead process."""
    try:
        return (folder / _ADDRESS_NAME).read_text()
    except FileNotFoundError:
        return None
