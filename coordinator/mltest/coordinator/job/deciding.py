"""What is decided of each block of one agent, from its samples so far. Pure: stored samples give the same again."""

from collections.abc import Collection, Sequence

from mltest.coordinator.job.slice_times import Cell, SliceTimes
from mltest.shared.domain import Candidate
from mltest.shared.statistics.adaptive import Decision, decide
from mltest.shared.statistics.stopping import StopRule


def decisions(
    times: SliceTimes,
    groups: Sequence[Sequence[Candidate]],
    failed: Collection[str],
    *,
    cell: Cell | None,
    rule: StopRule,
) -> tuple[Decision, ...]:
    """Return the decision of each block.

    Args:
        times: of all rounds of the agent.
        groups: blocks of the candidates that can run there.
        failed: candidates that failed there; they do not count any more.
        cell: that decides the order; None where no time does.
        rule: bounds of the rounds, and the wanted width.

    """
    alive = [[one for one in group if one.candidate_id not in failed and not one.is_reference] for group in groups]
    ranked_count = len({one.candidate_id for group in alive for one in group})
    return tuple(
        decide(
            times.contenders([one.candidate_id for one in group], _yardstick(group)),
            cell,
            rule,
            ranked_count=ranked_count,
        )
        for group in alive
    )


def _yardstick(alive: Sequence[Candidate]) -> str:
    """Return whose times the precision of others is judged by: the baseline, or the first that has not failed."""
    baseline = next((one for one in alive if one.is_baseline), alive[0] if alive else None)
    return baseline.candidate_id if baseline else ""
