"""What each file of a journal says of its attempt."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Of one file of a journal."""

    visit_id: str
    attempt: int
    job_id: str
    candidate_ids: tuple[str, ...]
    born_s: float
    """How long the agent had served when the attempt began; see `mltest.agent.outbox.served`."""
    first_seq: int = 1
    """Number of the first event in this file."""


def header_to_bytes(header: Header) -> bytes:
    """Return `header` as JSON."""
    return json.dumps(asdict(header)).encode()


def header_from_bytes(content: bytes) -> Header | None:
    """Return what `header_to_bytes` wrote; None if it is of another version."""
    try:
        found = json.loads(content)
        return Header(**found | {"candidate_ids": tuple(found["candidate_ids"])})
    except (ValueError, TypeError, KeyError):
        return None
