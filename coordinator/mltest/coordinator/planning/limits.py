"""Checks a candidate's results against the limits of the user."""

from collections.abc import Iterable, Sequence

from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.planning.plan import Bound
from mltest.shared.domain import Result
from mltest.shared.metrics import RESULT_METRICS
from mltest.shared.units import quantity_text


def broken_limits(bounds: Iterable[Bound], results: Sequence[Result]) -> str:
    """Return which limits these results of one candidate on one agent do not keep; empty if they keep all.

    A limit on a figure that could not be had is not kept: nobody knows.
    """
    return "; ".join(reason for bound in bounds if (reason := _broken(bound, results)))


def find_result(results: Iterable[Result], metric: str, statistic: str, batch_size: int) -> Result | None:
    """Return the result of that figure, not for a single class."""
    wanted = (metric, statistic, batch_size, "")
    for result in results:
        if (result.metric, result.statistic, result.batch_size, result.label) == wanted:
            return result
    return None


def _broken(bound: Bound, results: Sequence[Result]) -> str:
    name = figure_name(bound.metric, bound.statistic, bound.batch_size)
    result = find_result(results, bound.metric, bound.statistic, bound.batch_size)
    if result is None or result.value is None:
        why = "no test of the plan reports it" if result is None else result.reason
        return f"limit on {name} cannot be checked: {why}"
    unit = RESULT_METRICS[bound.metric].unit
    value = quantity_text(result.value, unit)
    if bound.at_least is not None and result.value < bound.at_least:
        return f"{name} is {value}, the limit is at least {quantity_text(bound.at_least, unit)}"
    if bound.at_most is not None and result.value > bound.at_most:
        return f"{name} is {value}, the limit is at most {quantity_text(bound.at_most, unit)}"
    return ""
