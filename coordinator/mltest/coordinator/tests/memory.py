"""How much memory the process of a candidate takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mltest.coordinator.analysis.rounds import MEDIAN
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import bytes_by_round, results_of
from mltest.shared.domain import Result


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory of the worker, interpreter and runtime included, after loading and at its largest."""

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "memory"

    def latency_spec(self) -> None:
        """Return None: every worker reports its memory anyway."""

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return the median of each round, averaged over rounds (geometric mean), of both."""
        return [
            result
            for metric in ("memory_loaded_bytes", "memory_peak_bytes")
            for result in results_of(
                evidence, bytes_by_round(evidence, metric), (MEDIAN,), test=self.name, metric=metric
            )
        ]
