"""How long one call takes, at several batch sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mltest.coordinator.analysis.rounds import MEAN, MEDIAN, P90, P95, P99
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import results_of, seconds_by_round
from mltest.coordinator.tests.timing import CallTiming
from mltest.shared.domain import Result


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(CallTiming):
    """Time of one Python call, closed loop; each call is one value, and nothing is subtracted.

    What the harness itself costs, an empty call timed by the same loop, is a result of its own.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "latency"

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return median, mean and percentiles for each batch size, and the cost of an empty call."""
        results = [
            result
            for batch_size in self.batch_sizes
            for result in results_of(
                evidence,
                seconds_by_round(evidence, "latency_ns", batch_size),
                (MEDIAN, MEAN, P90, P95, P99),
                test=self.name,
                metric="latency_s",
                batch_size=batch_size,
            )
        ]
        floor = seconds_by_round(evidence, "null_call_ns")
        return [*results, *results_of(evidence, floor, (MEDIAN,), test=self.name, metric="null_call_s")]
