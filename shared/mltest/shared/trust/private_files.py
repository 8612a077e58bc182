"""Files that only their owner may read: written whole or not at all, on the disk when this returns."""

import os
import stat
from pathlib import Path

_MAX_BYTES = 64 * 1024
"""None of these files is larger; what is, was not written here."""


def private_folder(path: Path) -> Path:
    """Return `path`, made with mode 0700 if it is missing; it belongs to whom the folder above belongs."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        hand_over(path, path.parent)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace `path` with `text`, mode 0600; what a power cut leaves is the old file or the new one.

    Root, who joins an installed agent, leaves the file to the owner of its folder.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        hand_over(draft, path.parent)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_private(path: Path) -> str | None:
    """Return what a file holds; None if it is not there. A link is not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, errors="replace") as stream:
        return stream.read(_MAX_BYTES)


def remove_private(path: Path) -> bool:
    """Remove a file for good; return whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Return when the names in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_private_folder(path: Path) -> bool:
    """Return whether `path` is a folder, not a link, of this user, and closed to everybody else."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077 == 0


def hand_over(path: Path, folder: Path) -> None:
    """Let root, who works on the state of an installed agent, leave `path` to the owner of `folder`."""
    owner = folder.stat()
    if os.geteuid() == 0 and (owner.st_uid, owner.st_gid) != (0, 0):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def signature_of(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Return what changes whenever a file in `folder` is added, replaced or removed; empty if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in found))
