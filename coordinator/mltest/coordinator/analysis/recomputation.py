"""What is different between two conclusions from the same samples, in words."""

from collections.abc import Iterator, Mapping, Sequence

from mltest.coordinator.planning.figure_names import figure_name
from mltest.shared.domain import Candidate, ParetoFront, Result, StandingRow, Standings

_PLACES = (
    "standing",
    "rank",
    "reason",
    "speedup",
    "speedup_low",
    "speedup_high",
    "machine_class",
    "round_count",
    "thread_count",
)
_FIGURES = ("value", "low", "high", "count", "reason", "machine_class", "doubt_level", "doubt")
_RowKey = tuple[str, str]
_ResultKey = tuple[str, str, str, str, str, int, str]


def differences(
    before: tuple[Sequence[Result], Standings],
    after: tuple[Sequence[Result], Standings],
    *,
    candidates: Sequence[Candidate],
    agent_names: Mapping[str, str],
) -> tuple[str, ...]:
    """Return what is different in `after`, results first, each as one line; none if both say the same.

    Args:
        before: results and standings as they are stored.
        after: the same from today's analysis.
        candidates: for their labels.
        agent_names: by the identities of the agents.

    """
    labels = {candidate.candidate_id: candidate.label for candidate in candidates}

    def who(candidate_id: str, agent_id: str) -> str:
        label = labels.get(candidate_id, candidate_id) or "model and data"
        return f"{label} on {agent_names.get(agent_id, agent_id)}" if agent_id else label

    old_results, new_results = _by_key(before[0]), _by_key(after[0])
    old_rows, new_rows = _rows(before[1]), _rows(after[1])
    lines = [
        f"{who(key[0], key[1])}: {_figure(key)} {said}"
        for key in dict.fromkeys([*old_results, *new_results])
        for said in _said(old_results.get(key), new_results.get(key), _FIGURES)
    ]
    lines += [
        f"{who(*key)}: row {said}"
        for key in dict.fromkeys([*old_rows, *new_rows])
        for said in _said(old_rows.get(key), new_rows.get(key), _PLACES)
    ]
    lines += _rest(before[1], after[1], lines)
    if not lines and (list(before[0]), before[1]) != (list(after[0]), after[1]):
        lines.append("results or notes stand in another order")
    return tuple(lines)


def _by_key(results: Sequence[Result]) -> dict[_ResultKey, Result]:
    return {
        (one.candidate_id, one.agent_id, one.test, one.metric, one.statistic, one.batch_size, one.label): one
        for one in results
    }


def _rows(standings: Standings) -> dict[_RowKey, StandingRow]:
    return {(row.candidate_id, row.agent_id): row for row in standings.rows}


def _figure(key: _ResultKey) -> str:
    _, _, test, metric, statistic, batch_size, label = key
    name = figure_name(metric, statistic, batch_size)
    return f"{name} of {label} ({test})" if label else f"{name} ({test})"


def _said(before: object, after: object, names: Sequence[str]) -> Iterator[str]:
    if before is None or after is None:
        yield "is not there any more" if after is None else "is new"
        return
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name} was {_text(old)} and is {_text(new)}{_change(old, new)}"


def _text(value: object) -> str:
    return "absent" if value in (None, "") else str(getattr(value, "value", value))


def _change(old: object, new: object) -> str:
    """Return by how much a number changed, where that can be said."""
    if isinstance(old, float) and isinstance(new, float) and old:
        return f" ({(new - old) / abs(old):+.2%})"
    return ""


def _rest(before: Standings, after: Standings, lines: Sequence[str]) -> Iterator[str]:
    """Yield what is different of the table as a whole, or only in what rows show or in their order."""
    if before.ordered_by != after.ordered_by:
        yield f"the table was ordered by {before.ordered_by} and is by {after.ordered_by}"
    for note in before.notes:
        if note not in after.notes:
            yield f"note is not there any more: {note}"
    for note in after.notes:
        if note not in before.notes:
            yield f"new note: {note}"
    yield from _findings(before, after)
    yield from _fronts(before, after)
    if before.rows != after.rows and not lines:
        yield "rows show other remarks or figures, or stand in another order"


def _findings(before: Standings, after: Standings) -> Iterator[str]:
    """Yield where another thing is said of a machine, or made of it."""
    old, new = (
        {
            (one.agent_name, found.key): f"{found.level.value}: {found.text}"
            for one in said.machines
            for found in one.findings
        }
        for said in (before, after)
    )
    for agent_name, key in dict.fromkeys([*old, *new]):
        was, now = (one.get((agent_name, key), "absent") for one in (old, new))
        if was != now:
            yield f"the finding {key} about {agent_name} was {was} and is {now}"


def _fronts(before: Standings, after: Standings) -> Iterator[str]:
    """Yield where the Pareto front of an agent, or who is fastest with a batch size, is not the same any more."""
    old, new = ({front.agent_name: _on_front(front) for front in one.fronts} for one in (before, after))
    for name in dict.fromkeys([*old, *new]):
        if old.get(name, ()) != new.get(name, ()):
            yield f"the front on {name} was {_listed(old.get(name, ()))} and is {_listed(new.get(name, ()))}"
    fastest = [{(one.agent_name, one.batch_size): one.labels for one in found.bests} for found in (before, after)]
    for agent_name, batch_size in dict.fromkeys([*fastest[0], *fastest[1]]):
        was, now = (one.get((agent_name, batch_size), ()) for one in fastest)
        if was != now:
            yield f"the fastest on {agent_name} with {batch_size} rows was {_listed(was)} and is {_listed(now)}"


def _on_front(front: ParetoFront) -> tuple[str, ...]:
    return tuple(point.label for point in front.points if point.is_on_front)


def _listed(labels: Sequence[str]) -> str:
    return "; ".join(labels) or "absent"
