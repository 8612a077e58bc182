"""Notices that the state directory was copied to another machine, as a cloned disk is: two agents with one identity."""

import hashlib
from pathlib import Path

from mltest.shared.errors import IdentityCopiedError

_MACHINE_ID = Path("/etc/machine-id")


def check_not_copied(folder: Path, machine_id: Path = _MACHINE_ID) -> None:
    """Return if the identity in `folder` was made on this machine; the first call says so for later ones.

    Raises:
        IdentityCopiedError: it was made on another machine.

    """
    here = machine_hash(machine_id)
    path = folder / "trust" / "machine"
    made_on = path.read_text(errors="replace").strip() if path.exists() else ""
    if not here or made_on == here:
        return
    if made_on:
        command = f"mltest-agent reset-identity --state-dir {folder}"
        raise IdentityCopiedError(
            folder=folder, next_step=f"{command} makes a new one here (also if only /etc/machine-id was replaced)"
        )
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(here)
    draft.replace(path)


def machine_hash(machine_id: Path = _MACHINE_ID) -> str:
    """Return what tells this machine from others, hashed as machine-id(5) wants it; empty where nothing is said."""
    try:
        return hashlib.sha256(b"mltest machine\0" + machine_id.read_bytes().strip()).hexdigest()
    except OSError:
        return ""
