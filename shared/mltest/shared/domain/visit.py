"""A visit: what an agent is asked to do, and the events that come back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Task(Enum):
    """What kind of question a model answers."""

    UNSPECIFIED = "unspecified"
    CLASSIFICATION = "classification"
    REGRESSION = "regression"


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
class CandidateEnded:
    """End of one candidate of a visit."""

    candidate_id: str
    outcome: Outcome
    reason_code: str = ""
    """Stable; empty if it ended well."""
    reason: str = ""


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


VisitEventBody = VisitStarted | SampleBatch | PredictionsStored | CandidateEnded | VisitEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitEvent:
    """One event of a visit; numbered without gaps."""

    seq: int
    """Counts from 1 in each attempt."""
    event: VisitEventBody
