"""How long it takes until a fresh process answers, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mltest.coordinator.analysis.rounds import MEDIAN
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import results_of, seconds_by_round
from mltest.shared.domain import Result

_STEPS = ("spawn", "import", "load", "first_call", "early_call")


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    """Process start, import of the runtime, loading of the artifact, first call, calls 2 to 10; files are cached."""

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "start_up"

    def latency_spec(self) -> None:
        """Return None: every worker reports these steps anyway."""

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return the median of each round, averaged over rounds (geometric mean), of each step."""
        return [
            result
            for step in _STEPS
            for result in results_of(
                evidence, seconds_by_round(evidence, f"{step}_ns"), (MEDIAN,), test=self.name, metric=f"{step}_s"
            )
        ]
