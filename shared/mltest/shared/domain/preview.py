"""What a job would do: its candidates, what is pruned and why, and how long it would take."""

from dataclasses import dataclass

from mltest.shared.domain.job import Candidate, DatasetInfo, ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedCell:
    """A part of the product of transforms, exporters, variants and runtimes that gives no candidate."""

    label: str
    """As candidates are called: "prune-trees 32", "onnxruntime, int8"."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPreview:
    """What a job would do, found out without making or measuring anything."""

    model: ModelInfo
    dataset: DatasetInfo
    candidates: tuple[Candidate, ...] = ()
    """That would be tried; one with a reason cannot be made."""
    pruned: tuple[PrunedCell, ...] = ()
    """What does not take this model."""
    left_out: tuple[PrunedCell, ...] = ()
    """What the plan does not want."""
    notes: tuple[str, ...] = ()
    """On model and data."""
    measuring_least_s: float
    """Estimate of the measuring time on each agent, if every candidate ends as soon as it may."""
    measuring_most_s: float
    """The same, if every candidate takes every round."""
    text: str
    """All of this for people, in lines."""
