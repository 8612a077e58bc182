"""How many rows a candidate handles in a second, at several batch sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mltest.coordinator.analysis.rounds import MEAN, Figure
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import result_of, series_by_round
from mltest.coordinator.tests.timing import CallTiming
from mltest.shared.domain import Result, SampleSeries
from mltest.shared.statistics.intervals import log_interval


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput(CallTiming):
    """Rows divided by the sum of call times, one caller, closed loop: from the same calls as latency."""

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "throughput"

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return the mean rate for each batch size."""
        return [
            result_of(
                evidence,
                _figure(series_by_round(evidence, "latency_ns", batch_size), batch_size),
                test=self.name,
                metric="throughput_rows_per_s",
                statistic=MEAN,
                size=batch_size,
            )
            for batch_size in self.batch_sizes
        ]


def _figure(rounds: Sequence[Sequence[SampleSeries]], batch_size: int) -> Figure:
    calls = [[value_ns for series in one_round for value_ns in series.values] for one_round in rounds]
    rates = [_rate(values_ns, batch_size) for values_ns in calls if sum(values_ns)]
    everything = [value_ns for values_ns in calls for value_ns in values_ns]
    return Figure(
        value=_rate(everything, batch_size) if sum(everything) else None,
        interval=log_interval(rates),
        count=len(everything),
    )


def _rate(values_ns: Sequence[int], batch_size: int) -> float:
    return batch_size * len(values_ns) * 1e9 / sum(values_ns)
