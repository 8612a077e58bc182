"""Why pip did not install something, in its own words. Pure."""

import re
from collections.abc import Sequence
from itertools import takewhile

MAX_CHARS = 400

_ERROR = re.compile(r"^(?:ERROR|error): ?")
_UNREACHABLE = re.compile(r"Retrying \(|Connection (?:refused|broken|timed out)|Failed to establish|Name or service")
_ABSENT = re.compile(r"No matching distribution found for (\S+)")
_CAUSES = "The conflict is caused by:"
_REQUESTED = re.compile(r"The user requested (?:\(constraint\) )?(\S+)")


def pip_reason(lines: Sequence[str], machine: str) -> str:
    """Return the reason in `lines`, all that pip printed; `machine` names Python and architecture."""
    errors = [_ERROR.sub("", line).strip() for line in lines if _ERROR.match(line)]
    causes = _causes(lines)
    said = "; ".join(dict.fromkeys(filter(None, [*errors[:1], *causes, *errors[1:]])))
    if not said:
        said = next((line.strip() for line in reversed(lines) if line.strip()), "pip said nothing")
    return f"{_in_words(lines, said, machine)}pip: {said}"[:MAX_CHARS]


def _in_words(lines: Sequence[str], said: str, machine: str) -> str:
    if any(_UNREACHABLE.search(line) for line in lines):
        return "the package index cannot be reached; "
    if absent := _absent(lines, said):
        return f"the package index has no wheel of {absent} for {machine}; "
    return ""


def _absent(lines: Sequence[str], said: str) -> str:
    """Return what has no wheel; where its version is pinned, pip calls that a conflict with the pin."""
    if found := _ABSENT.search(said):
        return found[1]
    requests = [_REQUESTED.fullmatch(cause) for cause in _causes(lines)]
    pinned = [request[1] for request in requests if request and "==" in request[1]]
    return pinned[0] if pinned and all(requests) else ""


def _causes(lines: Sequence[str]) -> list[str]:
    """Return the indented lines below the words that announce them."""
    if _CAUSES not in lines:
        return []
    below = lines[lines.index(_CAUSES) + 1 :]
    return [line.strip() for line in takewhile(lambda line: line.startswith(" "), below)]
