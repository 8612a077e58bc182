"""A job: what a user asks for, what is known about it, and the events of its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mltest.shared.domain.visit import Outcome, Output, Task


class JobState(Enum):
    """Where a job stands."""

    UNSPECIFIED = "unspecified"
    QUEUED = "queued"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Stopped before its end; what was measured is kept, and it can be resumed."""
    CANCELLED = "cancelled"
    """Cancelled by a user; what was measured is kept, and it can be resumed."""
    DONE = "done"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more unless somebody resumes the job."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A file as the user named it, and its bytes."""

    name: str
    """Without folders; its ending tells the format."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a user asks for."""

    model: FileRef
    data: tuple[FileRef, ...]
    """One .npz (X, y), .csv, .parquet or .txt (tokens); or one .npy (X) or two (X, y)."""
    target: str = ""
    """Column with the true values, for .csv and .parquet."""
    plan_toml: str = ""
    """Choice of tests, candidates, agents and limits; empty for the defaults."""
    allows_pickle: bool = False
    """Whether a pickled model may be opened; agents have to allow it as well."""
    agent_addresses: tuple[str, ...] = ()
    """host:port of agents to use beside those found by mDNS."""
    uses_discovery: bool = True
    """Whether agents are looked for by mDNS."""
    uses_local_agent: bool = True
    """Whether a local agent is started where no agent answers."""
    against_job_id: str = ""
    """A job whose candidates are measured beside those of this one, in the same slices; empty: none."""
    group: str = ""
    """Column (of .csv and .parquet), array or number of a column of X (of .npz, .npy) with the group of each row, for
    fairness; empty: none."""
    training: tuple[FileRef, ...] = ()
    """What the model was trained with, in a format of `data`; for tests that need it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """Facts about a trained model."""

    format: str
    """Of the file: skops, onnx, pickle, xgboost-json, xgboost-ubj, lightgbm, catboost."""
    family: str
    """forest, boosting, tree, svm, linear, mlp, neighbors, bayes, network, other."""
    kind: str
    """Class name of the estimator, library and objective of boosted trees, or the graph's producer."""
    task: Task
    output: Output
    """What a timed call computes."""
    feature_count: int
    classes: tuple[str, ...] = ()
    """As text, in the order of the scores; empty for a regressor."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """Facts about validation data."""

    row_count: int
    """Rows used."""
    source_row_count: int
    """Rows in the file; more than `row_count` where the row cap was applied."""
    feature_count: int
    dtype: str
    """Of X: float32 or float64."""
    has_target: bool
    class_counts: Mapping[str, int] = field(default_factory=dict)
    """Rows of each class; empty for a regressor."""
    sha256: str
    """Of the blob that agents get."""
    sample_seed: int = 0
    """Used where the row cap was applied."""
    group_counts: Mapping[str, int] = field(default_factory=dict)
    """Rows of each group; empty if none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model made by a recipe, or the reason why it cannot be."""

    candidate_id: str
    """Prefix of the recipe's hash; unique in its job."""
    label: str
    """For people."""
    runtime: str
    format: str
    is_baseline: bool = False
    """Whether this is the model as submitted, in its own runtime."""
    artifact_sha256: str = ""
    artifact_bytes: int | None = None
    reason_code: str = ""
    """Stable; empty if there is an artifact."""
    reason: str = ""
    threads: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    input_dtype: str = ""
    """Type in which the runtime gets X: float32 or float64; empty if there is no artifact."""
    exporter: str = ""
    """Name of what makes the artifact."""
    is_reference: bool = False
    """Whether it is the pinned reference: always the same bytes, measured in every block, never ranked."""
    from_job_id: str = ""
    """The job that it was taken from, to be measured against this job's candidates; empty for one of this job."""
    transform: str = ""
    """What changed the model before it was exported: "prune-trees 32"; empty for the model as submitted."""
    variant: str = ""
    """Name of the way in which the exporter was used: "int8"; empty for the plain one."""
    recipe_options: Mapping[str, str] = field(default_factory=dict)
    """What the exporter was asked for; `options` holds its answers besides."""
    is_lossy: bool = False
    """Whether its recipe means to change predictions: the plan's limits for lossy recipes gate it."""
    uses_rows: bool = False
    """Whether its artifact depends on the dataset as well."""
    varies_with_batch: bool = False
    """Whether its answer for a row depends on the other rows of a call (dynamic quantisation)."""

    @property
    def is_selected(self) -> bool:
        """Whether choices about its predictions were made by one half of the dataset: only the other half judges it."""
        return self.is_lossy and self.uses_rows

    @property
    def is_possible(self) -> bool:
        """Whether its artifact exists."""
        return bool(self.artifact_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInfo:
    """A job as stored."""

    job_id: str
    state: JobState
    reason: str = ""
    reason_code: str = ""
    """Stable; empty if there is nothing to say."""
    created_unix_ns: int
    ended_unix_ns: int | None = None
    """None while it goes on."""
    spec: JobSpec
    model: ModelInfo | None = None
    """None until it was inspected."""
    dataset: DatasetInfo | None = None
    """None until it was inspected."""
    visits_done: int = 0
    visits_total: int = 0
    """0 until they are planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStateChanged:
    """The job has a new state."""

    state: JobState
    reason: str = ""
    reason_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step of the job began."""

    step: str
    """inspect, build, screen, match, measure, evaluate."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateUpdated:
    """A candidate was made, or cannot be."""

    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUpdated:
    """An agent takes part, or cannot."""

    agent_id: str = ""
    """Empty if the agent never answered."""
    name: str
    """Or the address if the agent never answered."""
    takes_part: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitUpdated:
    """Progress, or the end, of an attempt of a visit."""

    visit_id: str
    agent_name: str
    round_index: int
    attempt: int
    candidate_id: str = ""
    """That sent samples last; empty if none has."""
    value_count: int = 0
    """Values received so far in this attempt."""
    done_ratio: float = 0.0
    """Share of the visit's slices that have arrived, 0 to 1."""
    outcome: Outcome | None = None
    """None while it runs."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNote:
    """Something that the user should know."""

    text: str


JobEventBody = JobStateChanged | StepStarted | CandidateUpdated | AgentUpdated | VisitUpdated | JobNote


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One event of a job; numbered without gaps."""

    seq: int
    """Counts from 1 in each job."""
    unix_ns: int
    event: JobEventBody
