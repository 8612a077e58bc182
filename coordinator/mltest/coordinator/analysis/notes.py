"""Remarks that belong to the table: what a reader would otherwise get wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mltest.coordinator.planning.limits import find_result
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import stop_rule
from mltest.shared.domain import DatasetInfo, Result, Standing, StandingRow
from mltest.shared.metrics import RESULT_METRICS, Better
from mltest.shared.statistics.adaptive import StopReason

_TIED = "tied_label_count"


def notes_of(
    *,
    plan: Plan,
    rows: Sequence[StandingRow],
    agent_names: Mapping[str, str],
    round_count: int,
    results: Sequence[Result],
    dataset: DatasetInfo | None,
    throttled_slice_count: int = 0,
    stop_reasons: Mapping[tuple[str, str], StopReason] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Return the remarks that apply, most important first.

    Args:
        plan: what was asked for.
        rows: the table.
        agent_names: of the agents that take part, by identity.
        round_count: the largest number of rounds that a candidate has on an agent.
        results: every result.
        dataset: facts about the data; None if they are not known.
        throttled_slice_count: slices left out because the machine was throttled meanwhile.
        stop_reasons: why candidates were not measured again, by identities of candidate and agent.

    """
    return (
        *_rounds(round_count, plan),
        *_end_of_rounds(round_count, plan, rows, stop_reasons),
        *_ties(rows, round_count),
        *_order(rows, plan),
        *_throttled(throttled_slice_count),
        *_without_baseline(rows, agent_names),
        *_tied_labels(rows, results),
        *_row_cap(dataset),
    )


def _rounds(round_count: int, plan: Plan) -> list[str]:
    notes = []
    if 0 < round_count < plan.rounds:
        notes.append(f"Only {round_count} of {plan.rounds} rounds were measured.")
    if round_count == 1:
        notes.append("No difference can be claimed from one round: it takes at least 2 (--rounds), better 6 or more.")
    return notes


def _end_of_rounds(
    round_count: int, plan: Plan, rows: Sequence[StandingRow], stop_reasons: Mapping[tuple[str, str], StopReason]
) -> list[str]:
    """Say why there was no further round, where their number was not fixed."""
    rule = stop_rule(plan)
    if rule is None or not round_count:
        return []
    found = {row: stop_reasons.get((row.candidate_id, row.agent_id)) for row in rows if row.round_count}
    others = [
        row for row, reason in found.items() if not row.is_baseline and (reason or row.standing is Standing.RANKED)
    ]
    reasons = [found[row] for row in others]
    imprecise = sum(reason is StopReason.MAX_ROUNDS for reason in reasons)
    if None in reasons:
        why = "the time budget was over" if plan.budget_s else "the job was stopped"
        return [f"Rounds ended after {round_count}, because {why}: not every ratio is known to {rule.half_width:.1%}."]
    if imprecise:
        return [
            f"Rounds ended after {round_count}, as many as there may be: {imprecise} of {len(others)} are imprecise."
        ]
    return [f"Rounds ended after {round_count}: each ratio is known to {rule.half_width:.1%}, or is certainly worse."]


def _ties(rows: Sequence[StandingRow], round_count: int) -> list[str]:
    sizes = Counter(row.rank for row in rows if row.rank is not None)
    if round_count >= 2 and any(size > 1 for size in sizes.values()):
        return ["Candidates with the same rank (=) cannot be told apart; more rounds may separate them."]
    return []


def _order(rows: Sequence[StandingRow], plan: Plan) -> list[str]:
    """Say so where the order of an agent's rows is not that of the absolute figures beside them."""
    objective = plan.objective
    is_higher_better = RESULT_METRICS[objective.metric].better is Better.HIGHER
    for agent_id in {row.agent_id for row in rows}:
        found = [
            find_result(row.figures, objective.metric, objective.statistic, objective.batch_size)
            for row in rows
            if row.agent_id == agent_id and row.rank is not None
        ]
        values = [result.value for result in found if result is not None and result.value is not None]
        if values != sorted(values, reverse=is_higher_better):
            return [
                "Candidates of one agent are ordered by ratios from the same slices, not by their absolute figures."
            ]
    return []


def _throttled(count: int) -> list[str]:
    left_out = "1 slice was" if count == 1 else f"{count} slices were"
    return [f"{left_out} left out because the machine was throttled meanwhile."] if count else []


def _without_baseline(rows: Sequence[StandingRow], agent_names: Mapping[str, str]) -> list[str]:
    measured = {row.agent_id for row in rows if row.standing is Standing.RANKED}
    with_baseline = {row.agent_id for row in rows if row.speedup is not None}
    names = sorted(agent_names.get(agent_id, agent_id) for agent_id in measured - with_baseline)
    return [f"No native baseline on {', '.join(names)}: no speed-up can be given there."] if names else []


def _tied_labels(rows: Sequence[StandingRow], results: Sequence[Result]) -> list[str]:
    counts = {(found.candidate_id, found.agent_id): found.value for found in results if found.metric == _TIED}
    return [
        f"{row.label} on {row.agent_name}: {count:g} labels differ where the native model's own best classes are tied."
        for row in rows
        if row.standing is Standing.RANKED and (count := counts.get((row.candidate_id, row.agent_id)))
    ]


def _row_cap(dataset: DatasetInfo | None) -> list[str]:
    if dataset is None or dataset.row_count >= dataset.source_row_count:
        return []
    used = f"{dataset.row_count} of {dataset.source_row_count} rows were used"
    return [f"{used} (row cap; sample drawn with seed {dataset.sample_seed})."]
