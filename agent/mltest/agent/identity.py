"""Who an agent is: an identity that survives restarts, upgrades, and changes of name, address or key."""

from pathlib import Path

from mltest.shared.trust.device_id import is_device_id
from mltest.shared.trust.identity import keys_in
from mltest.shared.trust.private_files import write_private

AGENT_ID_NAME = "agent-id"


def agent_id_in(folder: Path) -> str:
    """Return the identity kept in the state directory `folder`: the device id of its first key."""
    path = folder / AGENT_ID_NAME
    if path.exists() and is_device_id(known := path.read_text(errors="replace").strip()):
        return known
    made = keys_in(folder).current.device_id
    write_private(path, made + "\n")
    return made
