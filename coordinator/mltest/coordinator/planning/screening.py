"""Whether a job begins with a screening, and how its calls are timed then; docs/decisions/0040. Pure."""

from dataclasses import replace

from mltest.coordinator.analysis.forms import RAW_OF_RESULT
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import stop_rule
from mltest.shared.domain import LatencySpec
from mltest.shared.errors import PlanInvalidError

SCREEN_CHOICES = ("auto", "yes", "no")
SCREEN_ROUNDS = 5
"""With fewer, only who is many times slower is told apart from the best of a hundred."""
SCREEN_ABOVE = 40
"""Candidates beyond which a job is screened without being asked."""
_PART = 4
"""A screening has this part of the slices and of the warm-up."""
_FEWEST_SLICES = 3


def is_screened(plan: Plan, candidate_count: int) -> bool:
    """Return whether a job of so many candidates is screened.

    By itself it is only where that pays: there are many candidates, and the profile takes several times the rounds.
    """
    rule = stop_rule(plan)
    if rule is None or plan.objective.metric not in RAW_OF_RESULT or plan.screen == "no":
        return False
    return plan.screen == "yes" or (candidate_count > SCREEN_ABOVE and rule.min_rounds >= 2 * SCREEN_ROUNDS)


def check_screen(plan: Plan) -> None:
    """Raise PlanInvalidError if a plan wants a screening that it cannot have."""
    if plan.screen != "yes":
        return
    if plan.rounds:
        detail = "rounds fixes their number, and screen leaves some out: leave out --rounds or --screen"
        raise PlanInvalidError(detail=detail)
    if plan.objective.metric not in RAW_OF_RESULT:
        detail = (
            f"screen tells who is slower, and {plan.objective.metric} is no time or rate: order by one (--order-by)"
        )
        raise PlanInvalidError(detail=detail)


def screening_spec(latency: LatencySpec | None) -> LatencySpec | None:
    """Return how calls are timed in a screening: with every batch size, in fewer slices."""
    if latency is None:
        return None
    return replace(
        latency,
        slice_count=min(latency.slice_count, max(_FEWEST_SLICES, latency.slice_count // _PART)),
        warmup_ns=latency.warmup_ns // _PART,
    )
