"""What is different between two jobs, and how a figure went from job to job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mltest.shared.domain.visit import MachineClass


class Change(Enum):
    """What became of a figure, or of a candidate as a whole."""

    UNSPECIFIED = "unspecified"
    SAME = "same"
    """Exactly the same value."""
    WORSE = "worse"
    BETTER = "better"
    UNDECIDED = "undecided"
    """The two cannot be told apart."""
    INCOMPARABLE = "incomparable"
    """In one of the jobs only, or without anything that ties the two measurements together."""
    BROKEN = "broken"
    """It was there before, and fails or is ruled out now."""
    REPAIRED = "repaired"
    """It failed or was ruled out before, and is there now."""


class Basis(Enum):
    """What ties two measurements together."""

    UNSPECIFIED = "unspecified"
    PAIRED = "paired"
    """Both were measured in one job, in the same slices."""
    REFERENCE = "reference"
    """In each job, beside the same pinned reference."""
    BASELINE = "baseline"
    """In each job, beside the same native baseline: same artifact, versions and options."""
    ROUNDS = "rounds"
    """Nothing: rounds of the one job against rounds of the other."""
    VALUE = "value"
    """A value that is the same in every run, or that has an interval of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of one candidate on one agent, in two jobs."""

    label: str
    """Of the candidate, which is told by its recipe and not by its artifact."""
    runtime: str
    agent_id: str = ""
    """Empty where the figure does not depend on an agent."""
    agent_name: str = ""
    metric: str = ""
    """Key in the metric table; empty: the candidate as a whole."""
    statistic: str = ""
    batch_size: int = 0
    """Rows per call; 0 where there is none."""
    before: float | None = None
    """In the metric's unit, as measured; None if it is not there."""
    after: float | None = None
    change: Change
    basis: Basis = Basis.UNSPECIFIED
    ratio: float | None = None
    """New divided by old, through `basis`: not always after divided by before. None where there is none."""
    ratio_low: float | None = None
    """Lower end of the 95 % interval."""
    ratio_high: float | None = None
    """Upper end of the 95 % interval."""
    reason: str = ""
    """Why nothing can be said, or what happened to the candidate."""
    machine_class_before: MachineClass = MachineClass.UNSPECIFIED
    """How far the old value can be believed, if it is an absolute one of a machine; unspecified otherwise."""
    machine_class_after: MachineClass = MachineClass.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentChange:
    """Something that numbers depend on, and that was not the same in two jobs."""

    agent_id: str
    agent_name: str
    name: str
    """kernel, governor, version of a package ..."""
    before: str
    """Empty if it was not known."""
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two jobs side by side."""

    job_a: str
    """The earlier one, as named by the caller."""
    job_b: str
    is_paired: bool = False
    """Whether the candidates of both were measured in the same slices of one job."""
    differences: tuple[Difference, ...] = ()
    environment: tuple[EnvironmentChange, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One job in the history of a figure."""

    job_id: str
    created_unix_ns: int
    value: float
    """Of the figure itself, in the unit of its metric."""
    level: float
    """What alarms go by: the ratio to the reference where there is one, else the value."""
    low: float | None = None
    """Lower end of the 95 % interval of the level; None for a single round."""
    high: float | None = None
    is_outside: bool = False
    """Whether this job is outside of what was usual; a single one is no alarm."""
    is_alarm: bool = False
    """Whether this job and the one before are outside of what was usual."""
    change_ratio: float | None = None
    """Level divided by what was usual before; None where nothing was usual yet."""
    change: Change = Change.UNDECIDED
    """Better or worse at an alarm, otherwise undecided."""
    machine_class: MachineClass = MachineClass.UNSPECIFIED
    """How far the value can be believed, if it is an absolute one of a machine; unspecified otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySeries:
    """One figure of one candidate on one agent, as long as its environment stayed the same."""

    model_name: str
    """File name of the model."""
    dataset_sha256: str
    label: str
    """Of the candidate."""
    runtime: str
    agent_id: str
    agent_name: str
    metric: str
    """Key in the metric table."""
    statistic: str
    batch_size: int = 0
    """Rows per call; 0 where there is none."""
    basis: Basis
    """REFERENCE, BASELINE, or VALUE where the level is the value itself."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the figures depend on; another environment is another series."""
    points: tuple[HistoryPoint, ...]
    """Oldest first, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How a figure went from job to job."""

    series: tuple[HistorySeries, ...] = ()
    notes: tuple[str, ...] = ()
