"""Why pip did not install something, in its own words. Pure."""

import re
from collections.abc import Sequence

MAX_CHARS = 400

_ERROR = re.compile(r"^(?:ERROR|error): ?")
_UNREACHABLE = re.compile(r"Retrying \(|Connection (?:refused|broken|timed out)|Failed to establish|Name or service")
_ABSENT = re.compile(r"No matching distribution found for (\S+)")


def pip_reason(lines: Sequence[str], machine: str) -> str:
    """Return the reason in `lines`, all that pip printed; `machine` names Python and architecture."""
    errors = [_ERROR.sub("", line).strip() for line in lines if _ERROR.match(line)]
    said = "; ".join(dict.fromkeys(filter(None, errors)))
    if not said:
        said = next((line.strip() for line in reversed(lines) if line.strip()), "pip said nothing")
    return f"{_in_words(lines, said, machine)}pip: {said}"[:MAX_CHARS]


def _in_words(lines: Sequence[str], said: str, machine: str) -> str:
    if any(_UNREACHABLE.search(line) for line in lines):
        return "the package index cannot be reached; "
    if absent := _ABSENT.search(said):
        return f"the package index has no wheel of {absent[1]} for {machine}; "
    return ""
