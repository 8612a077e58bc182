"""Every key that a plan file may have: where its value goes, what it has to be, what it means."""

from dataclasses import dataclass

from mltest.coordinator.planning.profiles import PROFILES
from mltest.coordinator.planning.screening import SCREEN_CHOICES

SANDBOX_LEVELS = ("none", "degraded", "full")


@dataclass(frozen=True, slots=True)
class PlanKey:
    """A key of one section."""

    name: str
    field: str
    """Of the dataclass that the section fills."""
    kind: type[int] | type[float] | type[str]
    """Of the value, or of the elements of a list."""
    meaning: str
    minimum: float | None = None
    """Smallest number that makes sense."""
    is_list: bool = False
    choices: tuple[str, ...] = ()
    """The texts that are valid; empty means: any."""

    @property
    def expected(self) -> str:
        """What the value has to be, for people."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        noun = {int: "whole number", float: "number", str: "text"}[self.kind]
        bound = "" if self.minimum is None else f" of at least {self.minimum:g}"
        return f"a list of {noun}s{bound}" if self.is_list else f"a {noun}{bound}"


def _of_plan(name: str, meaning: str, minimum: float, kind: type[int] | type[float] = int) -> PlanKey:
    return PlanKey(name, name, kind, meaning, minimum)


def _timeout(name: str, meaning: str) -> PlanKey:
    return PlanKey(name, name, float, meaning, 0.001)


PLAN_SECTIONS: dict[str, tuple[PlanKey, ...]] = {
    "job": (
        PlanKey(
            "profile",
            "profile",
            str,
            "quick, standard, publish: how precise.",
            choices=tuple(PROFILES),
        ),
        _of_plan("rounds", "Fresh processes for each candidate on each agent; 0: as many as the profile needs.", 0),
        _of_plan("half_width_ratio", "Rounds end at this half width of ratios; 0: as the profile says.", 0, float),
        _of_plan("budget_s", "Measuring time on each agent, in seconds; 0: no bound.", 0, float),
        PlanKey("screen", "screen", str, "auto, yes, no: a few short rounds first.", choices=SCREEN_CHOICES),
        PlanKey("scenarios", "scenarios", str, "Besides the tests: single-stream, offline, open-loop:8.", is_list=True),
        PlanKey("test_names", "test_names", str, "Tests by name: all, default, quality, fairness ...", is_list=True),
        _of_plan("seed", "Of the row sample, and of the order of slices.", 0),
        _of_plan("row_cap", "Rows of the dataset that are used at most.", 1),
        _timeout("load_timeout_s", "For a worker to start and load."),
        _timeout("step_timeout_s", "For one command after that: predict all rows, warm up, one slice."),
        _timeout("visit_timeout_s", "For one round of one block of candidates."),
        _timeout(
            "build_timeout_s",
            "For making one artifact; one test of predictions or of the model gets four fifths of it.",
        ),
        _of_plan("memory_bytes", "Of one worker; 0 means 80 % of the agent's memory.", 0),
        _of_plan("agent_return_s", "How long an agent that vanished is waited for.", 0, float),
    ),
    "gate": (
        _of_plan("min_label_agreement", "A candidate with fewer labels of the native model is not ranked.", 0, float),
        _of_plan("max_abs_difference", "Nor one that is farther off; 0: what arithmetic explains.", 0, float),
        _of_plan("lossy_max_differing_ratio", "Share of labels that a lossy candidate may change.", 0, float),
        _of_plan("lossy_max_quality_loss", "Accuracy or R2 that a lossy candidate may lose.", 0, float),
    ),
    "candidates": (
        PlanKey("runtimes", "runtimes", str, "Empty means: all.", is_list=True),
        PlanKey("transforms", "transforms", str, "none or empty: as submitted; all; prune-trees=8,1/4.", is_list=True),
        PlanKey("only", "only", str, "Labels or ids as shell patterns; empty means: all.", is_list=True),
        PlanKey("skip", "skip", str, "Labels or ids as shell patterns, which are left out.", is_list=True),
        _of_plan("max_candidates", "Spread over runtimes, variants and transforms; 0: all.", 0),
        PlanKey("threads", "threads", int, "Each is a candidate of its own.", 1, is_list=True),
    ),
    "agents": (
        PlanKey("names", "agent_names", str, "Names or shell patterns; empty means: all.", is_list=True),
        PlanKey("tags", "agent_tags", str, "An agent has to have all of them.", is_list=True),
        PlanKey(
            "min_sandbox",
            "min_sandbox",
            str,
            "none, degraded, full: how well an agent has to hold the models that it opens.",
            choices=SANDBOX_LEVELS,
        ),
    ),
}
"""Sections whose keys are fields of the plan."""

OBJECTIVE_KEYS = (
    PlanKey("metric", "metric", str, "Any metric of the results."),
    PlanKey("statistic", "statistic", str, "value, median, mean, p90, p95, p99, p99_9, macro, weighted."),
    PlanKey("batch_size", "batch_size", int, "Rows per call; 0 where there is none.", 0),
)

LIMIT_KEYS = (
    *OBJECTIVE_KEYS,
    PlanKey("at_least", "at_least", float, "A candidate below it is not ranked."),
    PlanKey("at_most", "at_most", float, "A candidate above it is not ranked."),
)

TEST_KEYS = ("module", "class", "params")
