"""The builder as the coordinator sees it: a sandboxed child opens, converts and evaluates; nothing is opened here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mltest.coordinator.builder.tool_report import ToolReport
from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.shared.domain import Candidate, DatasetInfo, Disagreement, JobSpec, ModelInfo, Result

DATASET_NAME = "dataset.npz"
REFERENCE_NAME = "reference.npz"
"""Files that an inspection writes into the folder that it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the child found out about model and data."""

    model: ModelInfo
    dataset: DatasetInfo
    dataset_path: Path
    """npz with X (rows, features) and, where given, y; below the folder that was passed in."""
    reference_path: Path
    """Predictions of the model in its own library for these rows; below the folder that was passed in."""
    versions: Mapping[str, str]
    """Of the packages that take part in building; part of the key of the artifact cache."""
    notes: tuple[str, ...] = ()
    """What the user should know: row cap applied, versions differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What an exporter made."""

    path: Path
    """Below the folder that was passed in."""
    input_dtype: str
    """Type in which the runtime gets X: float32 or float64."""
    options: Mapping[str, str]
    """For the runtime adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the prediction tests say of one candidate on one agent."""

    candidate_id: str
    agent_id: str
    results: tuple[Result, ...]
    gate_reason: str
    """Why it must not be ranked; empty if it may be."""
    row_count: int = 0
    """Rows that were compared."""
    differing_count: int = 0
    """Rows that differ from the native model by more than arithmetic explains."""
    disagreements: tuple[Disagreement, ...] = ()
    """The worst of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionFile:
    """Predictions that an agent sent."""

    candidate_id: str
    agent_id: str
    path: Path
    input_dtype: str = "float32"
    """Type in which the candidate's runtime gets X: float32 or float64."""
    is_lossy: bool = False
    """Whether its recipe means to change predictions."""
    is_selected: bool = False
    """Whether its recipe looked at the selection half of the rows: only the other half judges its quality."""
    is_compared: bool = False
    """Whether they were evaluated before: then only the tests that are asked for are made, and no check besides."""


class Builder(Protocol):
    """Everything that needs an ML library, done in a child process."""

    async def inspect(
        self, spec: JobSpec, plan: Plan, *, model: Path, data: Sequence[Path], folder: Path
    ) -> Inspection:
        """Open model and data, check that they fit, write the canonical dataset and the reference predictions.

        `model` and `data` are blobs: their names (and so their formats) stand in `spec`.

        Raises:
            UserError: with what is wrong and what mends it.
            ChildCrashedError, DeadlineError, ResourceLimitError: the bytes broke the child.

        """
        ...

    async def build(
        self, candidate: Candidate, spec: JobSpec, info: ModelInfo, plan: Plan, *, model: Path, rows: Path, folder: Path
    ) -> Artifact:
        """Make the artifact of `candidate`: transform, then export.

        `rows` is the dataset as agents get it, which is opened only for a candidate that uses rows.

        Raises:
            MltestError: why it cannot be made; the candidate is then listed with that reason.

        """
        ...

    async def evaluate(
        self,
        tests: Sequence[TestChoice],
        spec: JobSpec,
        info: ModelInfo,
        plan: Plan,
        *,
        model: Path,
        dataset: Path,
        reference: Path,
        predictions: Sequence[PredictionFile],
    ) -> tuple[Evaluation, ...]:
        """Run the prediction tests on every file; the model is asked again about rows in which one differs."""
        ...

    async def tools(self, model: ModelInfo, plan: Plan) -> Mapping[str, ToolReport]:
        """Look at the programs of others that exporters for `model` need; by name, those that the plan can want."""
        ...

    async def examine(
        self,
        test: TestChoice,
        spec: JobSpec,
        info: ModelInfo,
        dataset_info: DatasetInfo,
        plan: Plan,
        *,
        model: Path,
        dataset: Path,
        reference: Path,
        training: Sequence[Path],
    ) -> tuple[Result, ...]:
        """Run one test of the submitted model and its data; `training` is what `spec` says that it was trained with.

        Raises:
            MltestError: why it has no results.

        """
        ...

    async def compare(
        self,
        test: TestChoice,
        candidate: Candidate,
        spec: JobSpec,
        info: ModelInfo,
        dataset_info: DatasetInfo,
        plan: Plan,
        *,
        artifact: Path,
        model: Path,
        dataset: Path,
        reference: Path,
        others: Sequence[Path] = (),
    ) -> tuple[Result, ...]:
        """Run one test of a lossy candidate's artifact beside the submitted model.

        `others` are artifacts that are asked about next: one child may then read them all.

        Raises:
            MltestError: why it has no results.

        """
        ...

    async def close(self) -> None:
        """End the child."""
        ...
