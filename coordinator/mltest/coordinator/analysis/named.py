"""Finds the candidate that a user means."""

from collections.abc import Sequence

from mltest.coordinator.tests.registry import nearest
from mltest.shared.domain import Candidate
from mltest.shared.errors import RequestInvalidError


def named_candidate(candidates: Sequence[Candidate], name: str) -> Candidate:
    """Return the candidate of that label or identity, of which a unique prefix is enough.

    Raises:
        RequestInvalidError: none, or more than one, is called so; the nearest is named.

    """
    exact = [one for one in candidates if name in (one.label, one.candidate_id)]
    found = exact or [one for one in candidates if name and one.candidate_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        fitting = ", ".join(one.candidate_id for one in found)
        raise RequestInvalidError(detail=f"{name!r} fits more than one candidate: {fitting}")
    labels = [one.label for one in candidates]
    raise RequestInvalidError(detail=f"no candidate is called {name[:80]!r}; {nearest(name, labels)}")
