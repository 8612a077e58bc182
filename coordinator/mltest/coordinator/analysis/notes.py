"""Remarks that belong to the table: what a reader would otherwise get wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mltest.coordinator.plan import Plan
from mltest.shared.domain import DatasetInfo, Standing, StandingRow


def notes_of(
    *,
    plan: Plan,
    rows: Sequence[StandingRow],
    agent_names: Mapping[str, str],
    round_count: int,
    is_agreement_checked: bool,
    dataset: DatasetInfo | None,
) -> tuple[str, ...]:
    """Return the remarks that apply, most important first.

    Args:
        plan: what was asked for.
        rows: the table.
        agent_names: of the agents that take part, by identity.
        round_count: the largest number of rounds that a candidate has on an agent.
        is_agreement_checked: whether predictions were compared with those of the native model.
        dataset: facts about the data; None if they are not known.

    """
    notes = [
        *_rounds(round_count, plan),
        *_ties(rows, round_count),
        *_without_baseline(rows, agent_names),
        *_row_cap(dataset),
    ]
    if not is_agreement_checked:
        notes.append("Predictions were not compared with those of the native model: the plan has no such test.")
    return tuple(notes)


def _rounds(round_count: int, plan: Plan) -> list[str]:
    notes = []
    if 0 < round_count < plan.rounds:
        notes.append(f"Only {round_count} of {plan.rounds} rounds were measured.")
    if round_count == 1:
        notes.append("No difference can be claimed from one round: it takes at least 2 (--rounds), better 6 or more.")
    return notes


def _ties(rows: Sequence[StandingRow], round_count: int) -> list[str]:
    sizes = Counter(row.rank for row in rows if row.rank is not None)
    if round_count >= 2 and any(size > 1 for size in sizes.values()):
        return ["Candidates with the same rank (=) cannot be told apart; more rounds may separate them."]
    return []


def _without_baseline(rows: Sequence[StandingRow], agent_names: Mapping[str, str]) -> list[str]:
    measured = {row.agent_id for row in rows if row.standing is Standing.RANKED}
    with_baseline = {row.agent_id for row in rows if row.speedup is not None}
    names = sorted(agent_names.get(agent_id, agent_id) for agent_id in measured - with_baseline)
    return [f"No native baseline on {', '.join(names)}: no speed-up can be given there."] if names else []


def _row_cap(dataset: DatasetInfo | None) -> list[str]:
    if dataset is None or dataset.row_count >= dataset.source_row_count:
        return []
    used = f"{dataset.row_count} of {dataset.source_row_count} rows were used"
    return [f"{used} (row cap; sample drawn with seed {dataset.sample_seed})."]
