"""How large the artifact is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.shared.domain import Result


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Bytes that have to be shipped: the artifact, the same on every agent."""

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "size"

    def latency_spec(self) -> None:
        """Return None: nothing is timed."""

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return the size of the artifact."""
        size_bytes = float(evidence.artifact_bytes)
        return [
            Result(
                candidate_id=evidence.candidate_id, test=self.name, metric="artifact_bytes", value=size_bytes, count=1
            )
        ]
