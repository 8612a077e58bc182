"""What deciding on further rounds needs of the samples: one time for each slice, and nothing else. Pure."""

from collections.abc import Collection, Hashable, Iterable, Mapping
from statistics import fmean, median

from mltest.coordinator.analysis.forms import RAW_OF_RESULT
from mltest.coordinator.planning.plan import Objective
from mltest.shared.domain import SampleSeries
from mltest.shared.metrics import TIMED_METRICS
from mltest.shared.statistics.adaptive import Contender

Cell = tuple[str, int]
"""Raw metric, and rows per call."""


class SliceTimes:
    """The time of a call in each slice, by candidate, cell, round and slice."""

    def __init__(self, objective: Objective) -> None:
        self._slice_statistic = fmean if objective.statistic == "mean" else median
        self._times: dict[str, dict[Hashable, dict[int, dict[int, float]]]] = {}

    def add(self, round_index: int, series: Iterable[SampleSeries]) -> None:
        """Take series of one round; those of other metrics, and slices of a throttled machine, do not count."""
        for one in series:
            if one.metric in TIMED_METRICS and one.values and not one.is_throttled:
                time_ns = max(self._slice_statistic(one.values) / max(one.calls_per_value, 1), 1.0)
                cells = self._times.setdefault(one.candidate_id, {})
                rounds = cells.setdefault((one.metric, one.batch_size), {})
                rounds.setdefault(round_index, {})[one.slice_index] = time_ns

    def merge(self, other: "SliceTimes") -> None:
        """Take everything that `other` has."""
        for candidate_id, cells in other._times.items():
            for cell, rounds in cells.items():
                self._times.setdefault(candidate_id, {}).setdefault(cell, {}).update(rounds)

    @property
    def last_round(self) -> int:
        """The largest index of a round of which there is a slice; -1 if there is none."""
        rounds = (max(of_cell) for cells in self._times.values() for of_cell in cells.values())
        return max(rounds, default=-1)

    def contenders(self, candidate_ids: Collection[str], reference_id: str) -> tuple[Contender, ...]:
        """Return those of `candidate_ids` that have slices, as deciding takes them."""
        return tuple(
            Contender(name=name, cells=self._cells(name), is_reference=name == reference_id)
            for name in candidate_ids
            if name in self._times
        )

    def _cells(self, name: str) -> Mapping[Hashable, Mapping[int, Mapping[int, float]]]:
        return self._times[name]


def objective_cell(objective: Objective, batch_sizes: Collection[int]) -> Cell | None:
    """Return the cell that decides the order; None where no time does, but a size or a quality."""
    raw = RAW_OF_RESULT.get(objective.metric)
    if raw is None or not batch_sizes:
        return None
    return raw, objective.batch_size or min(batch_sizes)
