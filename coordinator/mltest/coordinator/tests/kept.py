"""What is kept of what a test returns: a user's test may return anything."""

import math
from collections.abc import Iterable
from dataclasses import replace

from mltest.shared.domain import Result

_NUMBERS = ("value", "low", "high")
_TEXTS = ("metric", "statistic", "label", "reason", "boundary", "meter")
_COUNTS = ("count", "batch_size")


def kept_results(test: str, results: object, *, candidate_id: str = "", agent_id: str = "") -> list[Result]:
    """Return `results` under the names that are theirs; a number that is none is absent, with that reason.

    Raises:
        TypeError: it is no list of results, or one of them holds what is neither number nor text.

    """
    if not isinstance(results, Iterable) or isinstance(results, str | bytes):
        raise TypeError(f"it returned {_named(results)} instead of a list of Results")
    return [_finite(_plain(one, test, candidate_id, agent_id)) for one in results]


def _plain(result: object, test: str, candidate_id: str, agent_id: str) -> Result:
    """Return `result` with numbers and words of Python, whatever library they came from."""
    if not isinstance(result, Result):
        raise TypeError(f"it returned {_named(result)} instead of a Result")
    numbers = {name: _number(getattr(result, name), name) for name in _NUMBERS}
    for name in _TEXTS:
        if not isinstance(getattr(result, name), str):
            raise TypeError(f"the {name} of a result is {_named(getattr(result, name))}, and has to be text")
    counts = {name: int(_number(getattr(result, name), name) or 0) for name in _COUNTS}
    return replace(result, test=test, candidate_id=candidate_id, agent_id=agent_id, **numbers, **counts)  # type: ignore[arg-type]  # by name


def _number(value: object, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, str | bytes):
        raise TypeError(f"the {name} of a result is {value!r}, and has to be a number")
    try:
        return float(value)  # type: ignore[arg-type]  # refused if it is none
    except (TypeError, ValueError) as error:
        raise TypeError(f"the {name} of a result is {_named(value)}, and has to be a number") from error


def _named(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _finite(result: Result) -> Result:
    ends = {name: end for name in ("low", "high") if (end := getattr(result, name)) is None or math.isfinite(end)}
    if len(ends) < 2:
        result = replace(result, low=None, high=None)
    if result.value is None or math.isfinite(result.value):
        return result
    return replace(result, value=None, low=None, high=None, reason=f"its value is {result.value}")
