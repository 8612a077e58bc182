"""What is measured and how: a frozen value, with the defaults for a user who says nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TestChoice:
    """A test by name, with its parameters."""

    module: str
    class_name: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A limit of the user on one result; a candidate beyond it is not ranked."""

    metric: str
    statistic: str = "value"
    batch_size: int = 0
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What the table is ordered by: one statistic of one metric."""

    metric: str = "latency_s"
    statistic: str = "median"
    batch_size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything about a job that is not model, data or agents' addresses."""

    profile: str = "standard"
    """How much is measured: quick, standard or publish."""
    rounds: int = 0
    """Fresh processes for each candidate on each agent; 0 means: as many as the profile's precision takes."""
    half_width_ratio: float = 0.0
    """Rounds end where the intervals of ratios are at most this wide to either side; 0 means: as the profile says."""
    budget_s: float = 0.0
    """Measuring time on each agent, after which no further round begins; 0 means: no bound."""
    screen: str = "auto"
    """Whether few short rounds come first, behind which only those go on that may be among the best: auto (where there
    are many candidates), yes, no."""
    seed: int = 0
    """Of the row sample, and of the order of slices."""
    row_cap: int = 10_000
    """Rows of the dataset that are used at most."""
    tests: tuple[TestChoice, ...] = ()
    """Empty means: every registered test that applies, with its defaults."""
    test_names: tuple[str, ...] = ()
    """Tests by name besides `tests`; "default" are those that empty means, "all" is every registered one."""
    scenarios: tuple[str, ...] = ()
    """What is measured besides the tests: single-stream, offline, open-loop:RATE[,RATE...]."""
    min_label_agreement: float = 1.0
    """Share of rows in which a candidate must have the label of the native model to be ranked."""
    max_abs_difference: float = 0.0
    """Largest difference from the native model's probabilities or values; 0 means: what arithmetic explains."""
    lossy_max_differing_ratio: float = 0.05
    """Share of labels that a candidate may change if its recipe means to change predictions."""
    lossy_max_quality_loss: float = 0.01
    """Accuracy or coefficient of determination that such a candidate may lose."""
    runtimes: tuple[str, ...] = ()
    """Empty means: all."""
    transforms: tuple[str, ...] = ()
    """Of the model, by name ("prune-trees", "prune-trees reduced-error 1/2") or with sizes of one's own
    ("prune-trees=8,16"); "none" is the model as submitted, "all" means that and every transform; empty means: as
    submitted, unless `only` names others."""
    only: tuple[str, ...] = ()
    """Shell patterns of labels or identities of candidates; empty means: all. The baseline always takes part."""
    skip: tuple[str, ...] = ()
    """Shell patterns of labels or identities of candidates that are left out."""
    max_candidates: int = 0
    """How many are made at most, spread over runtimes, variants and transforms; 0 means: all."""
    threads: tuple[int, ...] = (1,)
    """Each is a candidate of its own."""
    agent_names: tuple[str, ...] = ()
    """Names or shell patterns; empty means: all."""
    agent_tags: tuple[str, ...] = ()
    """An agent has to have all of them."""
    min_sandbox: str = "none"
    """How well an agent has to hold the models that it opens: none, degraded, full."""
    objective: Objective = Objective()
    bounds: tuple[Bound, ...] = ()
    load_timeout_s: float = 120.0
    step_timeout_s: float = 120.0
    visit_timeout_s: float = 1800.0
    build_timeout_s: float = 300.0
    memory_bytes: int = 0
    """Of one worker; 0 means 80 % of the machine's memory."""
    agent_return_s: float = 7200.0
    """How long an agent that vanished is waited for before its visit counts as a failed attempt."""
