"""What is kept of what a test returns: a user's test may return anything."""

import math
from collections.abc import Sequence
from dataclasses import replace

from mltest.shared.domain import Result


def kept_results(test: str, results: Sequence[Result], *, candidate_id: str = "", agent_id: str = "") -> list[Result]:
    """Return `results` under the names that are theirs; a number that is none is absent, with that reason.

    Raises:
        TypeError: one of them is no result.

    """
    for result in results:
        if not isinstance(result, Result):
            raise TypeError(f"it returned a {type(result).__name__} instead of a Result")
    named = (replace(one, test=test, candidate_id=candidate_id, agent_id=agent_id) for one in results)
    return [_finite(one) for one in named]


def _finite(result: Result) -> Result:
    ends = {name: end for name in ("low", "high") if (end := getattr(result, name)) is None or math.isfinite(end)}
    if len(ends) < 2:
        result = replace(result, low=None, high=None)
    if result.value is None or math.isfinite(result.value):
        return result
    return replace(result, value=None, low=None, high=None, reason=f"its value is {result.value}")
