"""How fast a candidate is with everything at once: the offline scenario."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.throughput import Throughput
from mltest.coordinator.tests.timing import CallTiming
from mltest.shared.domain import LatencySpec, Result


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """Rows divided by the time of one call for all of them; rows repeat if the dataset has fewer.

    Made only where a plan or --scenario asks for it.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "offline"
    is_default: ClassVar[bool] = False
    asked_by: ClassVar[str] = "--scenario offline"

    batch_size: int = 10_000
    """Rows of the one call."""
    slice_count: int = 5
    """Slices, and so calls at least, of each candidate in each round."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.batch_size < 1:
            raise ValueError("batch_size has to be at least 1")
        CallTiming(slice_count=self.slice_count)

    def latency_spec(self) -> LatencySpec:
        """Return how calls have to be timed."""
        return CallTiming(batch_sizes=(self.batch_size,), slice_count=self.slice_count).latency_spec()

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return the mean rate."""
        rates = Throughput(batch_sizes=(self.batch_size,)).results(evidence)
        return [replace(result, test=self.name, metric="offline_rows_per_s") for result in rates]
