"""What is decided of each block of one agent, from its samples so far. Pure: stored samples give the same again."""

from collections.abc import Collection, Sequence

from mltest.coordinator.job.blocks import is_apart
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
    gated: Collection[str] = (),
) -> tuple[Decision, ...]:
    """Return the decision of each block.

    Args:
        times: of all rounds of the agent.
        groups: blocks of the candidates that can run there.
        failed: candidates that failed there; they do not count any more.
        cell: that decides the order; None where no time does.
        rule: bounds of the rounds, and the wanted width.
        gated: candidates that are not let pass, as far as that is known: they eliminate nobody.

    """
    alive = [[one for one in group if one.candidate_id not in failed] for group in groups]
    ranked_count = len({one.candidate_id for group in alive for one in group if not one.is_reference})
    found = []
    for group in alive:
        yardstick = _yardstick(group, is_alone=is_apart(group, groups))
        contenders = [one for one in group if not one.is_reference or one is yardstick]
        name = yardstick.candidate_id if yardstick else ""
        timed = times.contenders([one.candidate_id for one in contenders], name)
        found.append(decide(timed, cell, rule, ranked_count=ranked_count, may_not_lead=gated))
    return tuple(found)


def _yardstick(alive: Sequence[Candidate], *, is_alone: bool) -> Candidate | None:
    """Return whose times the precision of others is judged by: the baseline, or the first that has not failed.

    It is the pinned reference in a block that only that connects with the others.
    """
    if is_alone and (reference := next((one for one in alive if one.is_reference), None)):
        return reference
    own = [one for one in alive if not one.is_reference]
    return next((one for one in own if one.is_baseline), own[0] if own else None)
