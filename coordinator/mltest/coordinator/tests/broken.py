"""What is said of a test that broke."""

from mltest.shared.domain import Result
from mltest.shared.errors import MltestError

BROKEN = "broken_test"
"""Metric of a result that says why a test has none."""
BROKE = "the test broke"
"""What the reason of a test that broke begins with."""


def broken_result(test: str, error: Exception, *, candidate_id: str = "", agent_id: str = "") -> Result:
    """Return the result that says how a test broke."""
    line = (str(error).strip().splitlines() or [""])[0]
    said = error.message if isinstance(error, MltestError) else f"{type(error).__name__}: {line}"
    return Result(candidate_id=candidate_id, agent_id=agent_id, test=test, metric=BROKEN, reason=f"{BROKE} ({said})")


def broken_because(test: str, reason: str, *, candidate_id: str = "", agent_id: str = "") -> Result:
    """Return the result that says how a test broke, in words for people."""
    return Result(candidate_id=candidate_id, agent_id=agent_id, test=test, metric=BROKEN, reason=f"{BROKE} ({reason})")


def untried_result(test: str, reason: str, *, candidate_id: str) -> Result:
    """Return the result that says why a test cannot be made of a candidate."""
    return Result(candidate_id=candidate_id, agent_id="", test=test, metric=BROKEN, reason=reason)
