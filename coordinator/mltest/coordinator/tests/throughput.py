"""How many rows a candidate handles in a second, at several batch sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mltest.coordinator.analysis.rounds import MEAN, Figure, figure_of
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import result_of, series_by_round
from mltest.coordinator.tests.timing import CallTiming
from mltest.shared.domain import Result, SampleSeries


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput(CallTiming):
    """Rows divided by the sum of call times, one caller, closed loop: from the same Python calls as latency."""

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
    rates = [rate for one_round in rounds if (rate := _rate(one_round, batch_size))]
    count = sum(len(series.values) for one_round in rounds for series in one_round)
    return figure_of(rates, count) if rates else Figure(value=None, interval=None, count=count)


def _rate(one_round: Sequence[SampleSeries], batch_size: int) -> float:
    """Return rows per second; 0 if no time passed."""
    calls = sum(len(series.values) * max(series.calls_per_value, 1) for series in one_round)
    duration_ns = sum(sum(series.values) for series in one_round)
    return batch_size * calls * 1e9 / duration_ns if duration_ns else 0.0
