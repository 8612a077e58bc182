"""How much measuring a job gets: from a quick look to figures that are published."""

from dataclasses import dataclass

from mltest.coordinator.planning.plan import Plan
from mltest.shared.statistics.stopping import StopRule

SAMPLE_BUDGET_VALUES = 900_000
"""Timed calls that one candidate may store in a job: below 2 MB, with at most 2.2 bytes for each."""
MOST_SLICE_VALUES = 2000
"""More values of one slice tell nothing new: what spreads is the slices."""
FEWEST_SLICE_VALUES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Bounds of the rounds, and how narrow an interval has to be before they end."""

    min_rounds: int
    max_rounds: int
    half_width_ratio: float
    """Of the 95 % interval of the ratio of times to the native baseline."""
    is_one_batch_size: bool = False
    """Whether calls are timed only with the batch size that the table is ordered by."""


PROFILES = {
    "quick": Profile(min_rounds=6, max_rounds=10, half_width_ratio=0.05, is_one_batch_size=True),
    "standard": Profile(min_rounds=10, max_rounds=30, half_width_ratio=0.025),
    "publish": Profile(min_rounds=20, max_rounds=60, half_width_ratio=0.01),
}


def stop_rule(plan: Plan) -> StopRule | None:
    """Return when the rounds of `plan` end by themselves; None where their number is fixed."""
    if plan.rounds:
        return None
    profile = PROFILES[plan.profile]
    return StopRule(
        min_rounds=profile.min_rounds,
        max_rounds=profile.max_rounds,
        half_width=plan.half_width_ratio or profile.half_width_ratio,
    )


def first_rounds(plan: Plan) -> int:
    """Return how many rounds are planned before anything is decided; with a budget each one is decided."""
    rule = stop_rule(plan)
    if rule is None:
        return plan.rounds
    return 1 if plan.budget_s else rule.min_rounds


def most_rounds(plan: Plan) -> int:
    """Return how many rounds there can be at most."""
    rule = stop_rule(plan)
    return plan.rounds if rule is None else rule.max_rounds


def slice_values(plan: Plan, cell_count: int, slice_count: int) -> int:
    """Return how many calls of one slice may be timed, so that what one candidate stores stays below 2 MB.

    Args:
        plan: bounds the rounds.
        cell_count: forms of a call times batch sizes.
        slice_count: slices of each cell in a round.

    """
    share = SAMPLE_BUDGET_VALUES // (max(cell_count, 1) * max(slice_count, 1) * most_rounds(plan))
    return max(FEWEST_SLICE_VALUES, min(share, MOST_SLICE_VALUES))
