"""Refuses a state directory that was copied to another machine, as a cloned disk is: two agents with one identity."""

from pathlib import Path

from mltest.shared.errors import IdentityCopiedError
from mltest.shared.trust.identity import is_copied


def check_not_copied(folder: Path) -> None:
    """Return if the key in `folder` was made on this machine, or if it has none yet.

    Raises:
        IdentityCopiedError: it was made on another machine.

    """
    if is_copied(folder):
        command = f"mltest-agent reset-identity --state-dir {folder}"
        raise IdentityCopiedError(
            folder=folder, next_step=f"{command} makes a new one here (also if only /etc/machine-id was replaced)"
        )
