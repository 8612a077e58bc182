"""What it costs to compile an artifact that comes as source."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.shared.domain import Result

_METRICS = {
    "compile_ns": ("compile_s", 1e9),
    "compile_peak_bytes": ("compile_peak_bytes", 1),
    "library_bytes": ("library_bytes", 1),
}


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """Time and memory of the compiler on the agent, and the size of its library; nothing for other artifacts.

    An agent compiles a source once and keeps the library: each round tells of that one compilation, which is one value.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "compilation"

    def latency_spec(self) -> None:
        """Return None: nothing is timed beside measurements."""

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return the newest value of each."""
        values = {
            series.metric: series.values[0]
            for samples in evidence.rounds
            for series in samples.series
            if series.metric in _METRICS
        }
        return [
            Result(
                candidate_id=evidence.candidate_id,
                agent_id=evidence.agent_id,
                test=self.name,
                metric=_METRICS[key][0],
                value=value / _METRICS[key][1],
                count=1,
            )
            for key, value in values.items()
        ]
