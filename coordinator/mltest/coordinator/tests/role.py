"""The roles of tests, and what each declares so that matching is data.

A test is a frozen dataclass whose fields are its parameters. There are four roles: a `SampleTest` turns raw samples of
agents into results, in the coordinator, with the standard library only; a `PredictionTest` turns a candidate's
predictions into results, a `ModelTest` the submitted model and its data, and a `CandidateTest` a lossy candidate's
artifact, all three in the builder's child, where NumPy and scikit-learn are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from mltest.shared.domain import CallRemark, LatencySpec, ModelInfo, Result, SampleSeries, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.candidate_evidence import CandidateEvidence
    from mltest.coordinator.builder.evidence import PredictionEvidence
    from mltest.coordinator.builder.model_evidence import ModelEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a test applies to; an empty tuple means: everything."""

    tasks: tuple[Task, ...] = ()
    families: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    hardware: tuple[str, ...] = ()
    """Architectures, or "gpu"."""
    target: bool = False
    """Whether true values have to be given."""
    formats: tuple[str, ...] = ()
    """Of the model's file: skops, onnx, pickle, xgboost-json, xgboost-ubj, lightgbm, catboost."""
    groups: bool = False
    """Whether a column of groups has to be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSamples:
    """All series that one candidate sent from one agent in one round (one fresh process)."""

    round_index: int
    series: tuple[SampleSeries, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvidence:
    """What a `SampleTest` sees of one candidate on one agent."""

    candidate_id: str
    agent_id: str
    artifact_bytes: int
    model: ModelInfo
    rounds: tuple[RoundSamples, ...]
    remarks: tuple[CallRemark, ...] = ()
    """On its calls, from all rounds."""


class SampleTest(Protocol):
    """Turns raw samples into results."""

    needs: ClassVar[Needs]
    name: ClassVar[str]

    def latency_spec(self) -> LatencySpec | None:
        """Return how calls have to be timed for this test; None if they do not."""
        ...

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return the results of one candidate on one agent; what cannot be had is a result with its reason."""
        ...


class PredictionTest(Protocol):
    """Turns predictions into results; a gate as well where it says why a candidate must not be ranked."""

    needs: ClassVar[Needs]
    name: ClassVar[str]

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return the results of one set of predictions; what cannot be had is a result with its reason."""
        ...

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return why these predictions must not be ranked; empty if they may be."""
        ...


class ModelTest(Protocol):
    """Turns the submitted model and its data into results, once for a job: no agent takes part."""

    needs: ClassVar[Needs]
    name: ClassVar[str]

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return what is found; what cannot be had is a result with its reason."""
        ...


class CandidateTest(Protocol):
    """Turns a lossy candidate's artifact into results, once for each artifact: no agent takes part."""

    needs: ClassVar[Needs]
    name: ClassVar[str]

    def compare(self, evidence: "CandidateEvidence") -> Sequence[Result]:
        """Return what is found beside the submitted model; what cannot be had is a result with its reason."""
        ...
