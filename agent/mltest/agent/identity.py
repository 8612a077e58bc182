"""Who an agent is: an identity that survives restarts, upgrades and changes of name or address."""

import re
import uuid
from pathlib import Path

_AGENT_ID = re.compile(r"[0-9a-f]{32}")


def agent_id_in(folder: Path) -> str:
    """Return the identity kept in the state directory `folder`; it is made at the first start."""
    path = folder / "agent-id"
    if path.exists() and _AGENT_ID.fullmatch(known := path.read_text().strip()):
        return known
    made = uuid.uuid4().hex
    draft = path.with_suffix(".new")
    draft.write_text(made + "\n")
    draft.replace(path)
    return made
