"""The figures of a row: what most people decide by, in the order of the table's columns."""

from collections.abc import Sequence

from mltest.coordinator.planning.limits import find_result
from mltest.coordinator.planning.plan import Objective
from mltest.shared.domain import Result
from mltest.shared.metrics import MAIN_QUALITIES

_QUALITY = tuple((metric, "value") for metric in MAIN_QUALITIES)
_AGREEMENT = (("label_agreement", "value"), ("max_abs_difference", "value"))


def main_figures(results: Sequence[Result], objective: Objective) -> tuple[Result, ...]:
    """Return those of one candidate on one agent: time of a small call, its tail, rate of a large call, quality, costs.

    A figure that no test reported is left out; one that could not be had stays, with its reason.
    """
    smallest = smallest_batch(results)
    wanted = (
        ("latency_s", "median", smallest),
        ("latency_s", "p99", smallest),
        ("throughput_rows_per_s", "mean", max(_batch_sizes(results, "throughput_rows_per_s"), default=1)),
        *((metric, statistic, 0) for metric, statistic in (*_QUALITY, *_AGREEMENT)),
        ("artifact_bytes", "value", 0),
        ("memory_peak_bytes", "median", 0),
        ("gross_energy_j", "mean", min(_batch_sizes(results, "gross_energy_j"), default=1)),
        (objective.metric, objective.statistic, objective.batch_size),
    )
    found = (find_result(results, *figure) for figure in dict.fromkeys(wanted))
    return tuple(result for result in found if result is not None and not _is_unmetered(result))


def _is_unmetered(result: Result) -> bool:
    """Return whether no meter was read: most machines have none, and a table is not about them."""
    return result.metric == "gross_energy_j" and not result.boundary


def smallest_batch(results: Sequence[Result]) -> int:
    """Return the smallest batch size that the Python call was timed with; 1 if it was not."""
    return min(_batch_sizes(results, "latency_s"), default=1)


def _batch_sizes(results: Sequence[Result], metric: str) -> set[int]:
    return {result.batch_size for result in results if result.metric == metric and result.batch_size}
