"""A visit: what an agent is asked to do, and the events that come back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mltest.shared.domain.agent import UNKNOWN_SANDBOX, SandboxInfo
from mltest.shared.domain.machine import GpuState
from mltest.shared.domain.memory import MemorySpec


class Task(Enum):
    """What kind of question a model answers."""

    UNSPECIFIED = "unspecified"
    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    CLUSTERING = "clustering"
    """Answers with the number of a cluster; true values, where there are any, need not name clusters."""

    @property
    def gives_labels(self) -> bool:
        """Return whether an answer is one of a fixed set of labels."""
        return self in (Task.CLASSIFICATION, Task.CLUSTERING)


class Output(Enum):
    """What a candidate computes in a timed call; the same for every candidate of a job."""

    UNSPECIFIED = "unspecified"
    PROBABILITIES = "probabilities"
    """(rows, classes), each row sums to 1."""
    LABELS = "labels"
    """(rows,)."""
    VALUES = "values"
    """(rows,) or (rows, targets)."""
    SCORES = "scores"
    """(rows, classes), not normalised."""


class Outcome(Enum):
    """How a visit, or one candidate of it, ended."""

    UNSPECIFIED = "unspecified"
    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCandidate:
    """A candidate as an agent needs to know it."""

    candidate_id: str
    runtime: str
    format: str
    """Of the artifact: skops, pickle, onnx, treelite-checkpoint."""
    artifact_sha256: str
    task: Task
    output: Output
    feature_count: int
    """Columns of X."""
    classes: tuple[str, ...] = ()
    """As text, in the order of the scores; empty for a regressor."""
    input_dtype: str
    """Type in which the runtime gets X: float32 or float64."""
    threads: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    """Further options of the runtime."""
    batch_sizes: tuple[int, ...] = ()
    """Of the visit's batch sizes, those that it is timed with; empty: all of them."""


class MachineClass(Enum):
    """How far the numbers of a machine can be believed."""

    UNSPECIFIED = "unspecified"
    DEDICATED = "dedicated"
    """Nothing else ran, and a fixed piece of work always took the same time."""
    SHARED = "shared"
    """Others used it as well: ratios hold, absolute times are indicative."""
    NOISY = "noisy"
    """Others used most of it: only ratios hold."""


class RemarkKind(Enum):
    """What a remark says of the calls of a candidate."""

    UNSPECIFIED = "unspecified"
    UNSTEADY = "unsteady"
    """The calls were still getting faster or slower when warming up ended."""
    ABSENT = "absent"
    """These calls were not timed; the text says why and what mends it."""
    BATCHED = "batched"
    """A call is too short to be timed alone: each value stands for several, and there are no percentiles."""
    FEW_ROWS = "few_rows"
    """Fewer distinct rows were fed than it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySpec:
    """How calls are timed."""

    batch_sizes: tuple[int, ...]
    """Rows per call, each greater than zero."""
    slice_count: int
    """Slices for each candidate and batch size."""
    slice_ns: int
    """Length of a slice; a slice has at least one call."""
    warmup_ns: int
    """Untimed calls before the first slice take at least this long."""
    metrics: tuple[str, ...] = ()
    """Forms of a call that are timed, by the keys of their samples; empty: the Python call, latency_ns."""
    slice_values: int = 0
    """Timed calls of one slice at most, spread evenly over it; 0: as many as fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoopSpec:
    """Requests that arrive by a schedule, whether or not the one before was answered (Poisson, one server)."""

    rates_per_s: tuple[float, ...]
    """Requests per second, each greater than zero; each rate is one series."""
    duration_ns: int
    """Length of the schedule of one rate."""
    batch_size: int
    """Rows per request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker may use at most; it is killed beyond."""

    load_timeout_ns: int
    """To start and load."""
    step_timeout_ns: int
    """For one command after that: predict all rows, warm up, one slice."""
    visit_timeout_ns: int
    """For the whole visit."""
    memory_bytes: int
    """Of one worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitSpec:
    """One block of candidates on one agent in one round."""

    visit_id: str
    """The same for each attempt."""
    attempt: int
    """Counts from 1."""
    job_id: str
    round_index: int
    """Counts from 0."""
    seed: int
    """Of the order of slices."""
    dataset_sha256: str
    candidates: tuple[VisitCandidate, ...]
    """At least one; each gets a fresh process."""
    latency: LatencySpec | None = None
    """None if calls are not timed."""
    collects_predictions: bool = False
    """Whether the predictions for the whole dataset are kept as a blob."""
    limits: Limits
    verifies_calls: bool = False
    """Whether calls of every batch size are verified against the candidate's own predictions before any timing."""
    open_loop: OpenLoopSpec | None = None
    """None if no requests arrive by a schedule."""
    memory: MemorySpec | None = None
    """None if memory is not measured in processes of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDescriptor:
    """Meaning of the values of a series."""

    metric: str
    unit: str
    shape: str
    """Meaning of the order of the values, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitStarted:
    """First event of an attempt: describes what follows."""

    visit_id: str
    attempt: int
    agent_id: str
    started_unix_ns: int
    metrics: tuple[MetricDescriptor, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of what takes part: mltest, python, runtimes."""
    sandbox: SandboxInfo = UNKNOWN_SANDBOX
    """What holds the workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSeries:
    """Raw values of one metric of one candidate, in the order in which they were measured."""

    candidate_id: str
    metric: str
    """Key in the metric table; its unit ends the key."""
    batch_size: int = 0
    """Rows per call; 0 where the metric has none."""
    slice_index: int = 0
    """Which pass over the candidates it belongs to, counts from 0."""
    started_monotonic_ns: int
    """Agent's monotonic clock at the start."""
    values: tuple[int, ...]
    """In the metric's unit."""
    calls_per_value: int = 0
    """Calls that each value stands for together; 0 and 1 both mean one call."""
    is_throttled: bool = False
    """Whether the machine was throttled meanwhile: kept, but not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch:
    """Several series; each is complete."""

    series: tuple[SampleSeries, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionsStored:
    """A blob with a candidate's predictions exists on the agent."""

    candidate_id: str
    sha256: str
    """Of an npz with labels (rows,) int64 and/or scores (rows, outputs) float64."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCalls:
    """One form of a call with one batch size, compared with the candidate's predictions."""

    metric: str
    """Of the form, as in `LatencySpec`."""
    batch_size: int
    """Rows per call."""
    row_count: int
    """Rows compared; fewer than the dataset has if time ran out."""
    differing_row_count: int = 0
    """Rows whose label differs, where calls give labels or class scores."""
    max_abs_difference: float = 0.0
    """Of a score or value; 0 where calls give labels."""
    worst_rows: tuple[int, ...] = ()
    """Numbers of the rows that differ most, worst first."""
    median_shift: float = 0.0
    """Median over rows of how far values lie above what is expected, of the output where it is farthest from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsVerified:
    """Before any timing, each timed form of a call answered every row."""

    candidate_id: str
    calls: tuple[VerifiedCalls, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRemark:
    """A remark on the calls of one form and batch size."""

    kind: RemarkKind
    metric: str = ""
    """Of the form, as in `LatencySpec`."""
    batch_size: int = 0
    """Rows per call; 0: every batch size."""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineState:
    """What the machine was like while a visit ran."""

    machine_class: MachineClass
    foreign_load_ratio: float
    """Share of the processors' time that others used while slices ran, 0 to 1."""
    steal_ratio: float
    """Share of the processors' time that the hypervisor gave to others, 0 to 1."""
    canary_cv_ratio: float
    """Coefficient of variation of a fixed piece of work, before and behind the slices."""
    throttled_slice_count: int = 0
    temperature_celsius: float | None = None
    """Hottest sensor at the end; None where none can be read."""
    frequency_min_hz: float | None = None
    """Lowest clock that was seen; None where it cannot be read."""
    frequency_max_hz: float | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """What numbers depend on, by name: governor, turbo, smt, aslr, transparent_hugepage ..."""
    temperature_start_celsius: float | None = None
    """Hottest sensor right before the slices; None where none can be read."""
    watched_s: float | None = None
    """From right before the slices to right behind them; None in agents that do not say it."""
    throttle_causes: tuple[str, ...] = ()
    """Why the machine was slowed down since the visit began: heat, over-current, undervoltage, a low clock."""
    changed_settings: tuple[str, ...] = ()
    """Settings that changed while the visit ran, for people."""
    swapped_bytes: int | None = None
    """That went to swap or came back while the visit ran, of the whole machine; None where it is not counted."""
    swap_used_bytes: int | None = None
    """In swap at the end; None where it is not known."""
    package_load_ratio: float | None = None
    """Of the other processors of the same packages, share of their time that was used; None where there are none."""
    split_core_count: int | None = None
    """Cores of which the agent may use one hardware thread and not the other; None where it is not known."""
    gpus: tuple[GpuState, ...] = ()
    """Those of which NVML tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateEnded:
    """End of one candidate of a visit."""

    candidate_id: str
    outcome: Outcome
    reason_code: str = ""
    """Stable; empty if it ended well."""
    reason: str = ""
    remarks: tuple[CallRemark, ...] = ()
    thread_count: int | None = None
    """Threads of its process that worked while it warmed up, the main one included; None if it did not get that far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitEnded:
    """Last event of an attempt. A visit in which single candidates failed still ended well."""

    outcome: Outcome
    reason_code: str = ""
    reason: str = ""
    series_count: int = 0
    """Series sent."""
    value_count: int = 0
    """Values sent."""
    notes: tuple[str, ...] = ()
    """What makes the numbers less reliable."""
    measuring_ns: int = 0
    """Time inside timed slices."""
    machine: MachineState | None = None
    """None if nothing was timed."""


VisitEventBody = VisitStarted | SampleBatch | PredictionsStored | CallsVerified | CandidateEnded | VisitEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitEvent:
    """One event of a visit; numbered without gaps."""

    seq: int
    """Counts from 1 in each attempt."""
    event: VisitEventBody
