"""Results: statistics of metrics, and the table to decide from."""

from dataclasses import dataclass
from enum import Enum

from mltest.shared.domain.agent import AgentInfo
from mltest.shared.domain.job import Candidate, JobInfo
from mltest.shared.domain.machine import FindingLevel, MachineFinding
from mltest.shared.domain.speed import SpeedDrift
from mltest.shared.domain.visit import MachineClass, MachineState


class Standing(Enum):
    """Where a candidate stands on one agent."""

    UNSPECIFIED = "unspecified"
    RANKED = "ranked"
    GATED = "gated"
    """Measured, but its predictions or the user's limits rule it out."""
    IMPOSSIBLE = "impossible"
    """Cannot be made, or cannot run there."""
    FAILED = "failed"
    """Failed while it ran."""
    UNMEASURED = "unmeasured"
    REFUSED = "refused"
    """Measured, but what the machine was like does not allow to rank it by this figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One statistic of one metric of one candidate."""

    candidate_id: str
    """Empty where it is of the submitted model or its data."""
    agent_id: str = ""
    """Empty where the result does not depend on an agent."""
    test: str
    """That made it."""
    metric: str
    """Key in the metric table; its unit ends the name."""
    statistic: str = "value"
    """median, p90, mean, value."""
    batch_size: int = 0
    """Rows per call; 0 where there is none."""
    value: float | None = None
    """None if it could not be had; then `reason` says why."""
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    """Upper end of the 95 % interval."""
    count: int = 0
    """Raw values behind it."""
    reason: str = ""
    label: str = ""
    """Class, for metrics with one value for each; "true>predicted" in a confusion matrix; row number of a worst row."""
    machine_class: MachineClass = MachineClass.UNSPECIFIED
    """How far an absolute time, rate or memory of its agent can be believed; unspecified where it is none of these."""
    doubt_level: FindingLevel = FindingLevel.UNSPECIFIED
    """What the state of the machine makes of it: nothing, unreliable, or not to be ranked by."""
    doubt: str = ""
    """Why; empty if there is no doubt."""
    boundary: str = ""
    """What joules and watts cover: cpu.package+dram, board; results at different ones are never compared."""
    meter: str = ""
    """That read them."""
    statistical: float | None = None
    """Half-width of the part of a 95 % interval that further rounds would shrink; None where it has no parts."""
    type_b: float | None = None
    """Half-width of the part that they would not: scale, zero and steps of the meter."""
    window_s: float | None = None
    """Mean length of the windows behind it; None where there are none."""
    call_count: int = 0
    """Calls in each window; 0 where there are none."""
    is_estimate: bool = False
    """Whether its meter has a model behind it instead of a sensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """A candidate on an agent."""

    rank: int | None = None
    """Counts from 1; equal for candidates that cannot be told apart; None if not ranked."""
    candidate_id: str
    label: str
    agent_id: str = ""
    agent_name: str = ""
    is_baseline: bool = False
    standing: Standing
    reason: str = ""
    speedup: float | None = None
    """Time of the baseline divided by its time, on the same agent and from the same slices."""
    speedup_low: float | None = None
    speedup_high: float | None = None
    figures: tuple[Result, ...] = ()
    """The main figures, in the order of the table's columns."""
    machine_class: MachineClass = MachineClass.UNSPECIFIED
    """How far absolute figures from its agent can be believed; the worst of its visits."""
    round_count: int = 0
    """Rounds that it was measured in."""
    remarks: tuple[str, ...] = ()
    """What a reader of its figures has to know."""
    thread_count: int | None = None
    """Threads that worked in one of its processes while it warmed up, the most of all rounds; None if not counted."""
    is_lossy: bool = False
    """Whether its recipe means to change predictions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMachine:
    """What an agent's machine was like in all visits of a job."""

    agent_id: str
    agent_name: str
    visit_count: int
    """That timed anything."""
    state: MachineState
    """Worst class, medians of the ratios, sum of throttled slices, extremes of temperature and clock, last settings."""
    speed: SpeedDrift | None = None
    """What a fixed piece of work said before and after; None if it was not done."""
    findings: tuple[MachineFinding, ...] = ()
    """What the table of findings makes of all of its visits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A ranked candidate beside the others of its agent, by everything that was measured of them."""

    candidate_id: str
    label: str
    is_on_front: bool = False
    """Whether no other is certainly better in something and not worse in anything, as far as can be told."""
    figures: tuple[Result, ...] = ()
    """One for each dimension of the front; one that was not measured has no value, and beats nobody."""
    beaten_by: tuple[str, ...] = ()
    """Labels of those on the front that are; empty if it is on the front."""
    is_baseline: bool = False
    is_lossy: bool = False
    """Whether its recipe means to change predictions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoFront:
    """Who is worth a choice on one agent: what is better in one thing and worse in another stands side by side."""

    agent_id: str
    agent_name: str
    dimensions: tuple[str, ...] = ()
    """What they are compared by, for people: "accuracy", "median latency at 1 row", "memory peak", "artifact"."""
    points: tuple[FrontPoint, ...] = ()
    """Every candidate that is ranked on the agent: those on the front first, each part in the order of the ranking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchBest:
    """The fastest on one agent with so many rows in a call."""

    agent_id: str
    agent_name: str
    batch_size: int
    candidate_ids: tuple[str, ...] = ()
    """The fastest, then those that cannot be told apart from it."""
    labels: tuple[str, ...] = ()
    """Of the same."""
    figure: Result
    """Median time of a call of the first."""
    candidate_count: int = 0
    """Candidates that were compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """The table to decide from."""

    rows: tuple[StandingRow, ...] = ()
    """Best first; then gated, failed, impossible."""
    ordered_by: str = ""
    notes: tuple[str, ...] = ()
    machines: tuple[AgentMachine, ...] = ()
    """What the machines were like, one for each agent that timed anything."""
    fronts: tuple[ParetoFront, ...] = ()
    """One for each agent that candidates are ranked on."""
    bests: tuple[BatchBest, ...] = ()
    """By agent and batch size, each in its order."""


class ReportedTestState(Enum):
    """What became of a test in a job."""

    UNSPECIFIED = "unspecified"
    DONE = "done"
    """It has results."""
    DOES_NOT_APPLY = "does_not_apply"
    """It makes no sense for this model and its data."""
    NOT_CHOSEN = "not_chosen"
    """Nobody asked for it."""
    NO_VALUE = "no_value"
    """It was to be made, and has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTest:
    """A test of the registry, and what became of it in a job."""

    name: str
    """As results have it."""
    module: str
    class_name: str
    """Both as a plan names them."""
    meaning: str = ""
    """What it is, in one sentence."""
    state: ReportedTestState
    reason: str = ""
    """Why it has no results, and what would change that."""
    value_count: int = 0
    """Results that have a value, of every candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResults:
    """All that is known of a job."""

    job: JobInfo
    candidates: tuple[Candidate, ...] = ()
    results: tuple[Result, ...] = ()
    standings: Standings
    agents: tuple[AgentInfo, ...] = ()
    """That took part, as they were then."""
    tests: tuple[ReportedTest, ...] = ()
    """Every test of the registry, and what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterEvaluation:
    """A job with tests that were made after it was over."""

    results: JobResults
    """With everything that is stored now."""
    made_tests: tuple[str, ...] = ()
    """Names of the tests that this call made; empty if all had results."""
    notes: tuple[str, ...] = ()
    """What could not be evaluated, and why, each one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputation:
    """What today's analysis says of the samples of a job."""

    results: JobResults
    differences: tuple[str, ...] = ()
    """From the stored conclusion, each one line; empty if today's is exactly the same."""
    is_kept: bool = False
    """Whether it is the stored conclusion now."""
