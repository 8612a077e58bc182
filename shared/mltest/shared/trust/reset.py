"""Starts again: no key, no pins, no invitations."""

import shutil
from pathlib import Path

from mltest.shared.trust.identity import erase_identity, trust_folder
from mltest.shared.trust.private_files import sync_folder


def reset_trust(state: Path) -> None:
    """Erase the keys of a state directory, and everybody that it trusts; its lock has to be held."""
    erase_identity(state)
    folder = trust_folder(state)
    for name in ("peers", "invitations"):
        shutil.rmtree(folder / name, ignore_errors=True)
    sync_folder(folder)
