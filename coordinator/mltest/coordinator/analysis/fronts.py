"""The Pareto front of each agent, and the best candidate of each for every batch size. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb

from mltest.coordinator.analysis.dimensions import Dimension, Speed, dimensions_of
from mltest.coordinator.analysis.figures import smallest_batch
from mltest.coordinator.analysis.forms import FORMS, RAW_OF_RESULT
from mltest.coordinator.analysis.paired import PairedTimes
from mltest.coordinator.analysis.pareto import pareto_front
from mltest.coordinator.analysis.ranking import Contender, Differences
from mltest.coordinator.planning.limits import find_result
from mltest.coordinator.planning.plan import Objective
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import BatchBest, FrontPoint, ParetoFront, Result
from mltest.shared.statistics.claims import is_claimed

_PYTHON_CALL = "latency_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What differences are told by."""

    objective: Objective
    """Of the plan."""
    references: Mapping[str, SampleEvidence]
    """Of each agent, what was measured beside everything else."""
    alpha: float
    """Level of the claims."""
    ranking: Differences
    """Of all contenders at the objective."""


def fronts_of(contenders: Sequence[Contender], grounds: Grounds) -> tuple[ParetoFront, ...]:
    """Return the Pareto front of each agent, over everything that was measured there.

    Args:
        contenders: all that are ranked, best first.
        grounds: what differences are told by.

    """
    return tuple(_front(found, grounds) for found in _by_agent(contenders))


def bests_of(contenders: Sequence[Contender], grounds: Grounds) -> tuple[BatchBest, ...]:
    """Return for each agent and batch size who is fastest, with those that cannot be told apart from it.

    The form of the call is that of the objective, or the Python call where it is none.

    Args:
        contenders: all that are ranked, best first.
        grounds: what differences are told by.

    """
    metric = _form(grounds.objective)
    return tuple(
        _best(metric, batch_size, found, grounds)
        for found in _by_agent(contenders)
        for batch_size in _batch_sizes(found, metric)
    )


def _by_agent(contenders: Sequence[Contender]) -> Iterator[tuple[Contender, ...]]:
    for agent_id in dict.fromkeys(contender.row.agent_id for contender in contenders):
        yield tuple(contender for contender in contenders if contender.row.agent_id == agent_id)


def _form(objective: Objective) -> str:
    forms = {form.metric for form in FORMS.values()}
    return objective.metric if objective.metric in forms else _PYTHON_CALL


def _batch_sizes(contenders: Sequence[Contender], metric: str) -> list[int]:
    sizes = {
        result.batch_size
        for contender in contenders
        for result in contender.results
        if (result.metric, result.statistic) == (metric, "median") and result.value is not None
    }
    return sorted(sizes)


def _front(contenders: Sequence[Contender], grounds: Grounds) -> ParetoFront:
    dimensions = dimensions_of(contenders, _speed(contenders, grounds), grounds.alpha)
    front = pareto_front(range(len(contenders)), [dimension.compare for dimension in dimensions])
    labels = {place: contender.row.label for place, contender in enumerate(contenders)}
    points = [
        _point(contenders[place], place, dimensions, [labels[one] for one in front.beaten_by.get(place, ())])
        for place in sorted(labels, key=lambda place: place not in front.best)
    ]
    row = contenders[0].row
    return ParetoFront(
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        dimensions=tuple(dimension.name for dimension in dimensions),
        points=tuple(points),
    )


def _point(contender: Contender, place: int, dimensions: Sequence[Dimension], beaten_by: Sequence[str]) -> FrontPoint:
    row = contender.row
    return FrontPoint(
        candidate_id=row.candidate_id,
        label=row.label,
        is_on_front=not beaten_by,
        figures=tuple(dimension.figures[place] or _absent(dimension, row.candidate_id) for dimension in dimensions),
        beaten_by=tuple(beaten_by),
        is_baseline=row.is_baseline,
        is_lossy=row.is_lossy,
    )


def _absent(dimension: Dimension, candidate_id: str) -> Result:
    """Return what stands where a candidate has no figure; another of the dimension has one."""
    known = next(figure for figure in dimension.figures if figure is not None)
    return replace(known, candidate_id=candidate_id, value=None, low=None, high=None, count=0, reason="not measured")


def _speed(contenders: Sequence[Contender], grounds: Grounds) -> Speed | None:
    """Return the contenders at the objective, or for the smallest Python call where it is no time or rate."""
    if grounds.objective.metric in RAW_OF_RESULT:
        places = {_key(contender): place for place, contender in enumerate(grounds.ranking.contenders)}
        return Speed(differences=grounds.ranking, places=tuple(places[_key(contender)] for contender in contenders))
    batch_size = min((smallest_batch(contender.results) for contender in contenders), default=1)
    objective = Objective(metric=_PYTHON_CALL, statistic="median", batch_size=batch_size)
    timed = _timed(contenders, objective)
    if len(timed) < len(contenders):
        return None
    return Speed(differences=_differences(timed, objective, grounds), places=tuple(range(len(timed))))


def _key(contender: Contender) -> tuple[str, str]:
    return contender.row.candidate_id, contender.row.agent_id


def _differences(timed: Sequence[Contender], objective: Objective, grounds: Grounds) -> Differences:
    return Differences(timed, PairedTimes(objective), references=grounds.references, alpha=grounds.alpha)


def _timed(contenders: Sequence[Contender], objective: Objective) -> list[Contender]:
    """Return those that have a figure at `objective`, with that figure."""
    found = (_with_figure(contender, objective) for contender in contenders)
    return [contender for contender in found if contender is not None]


def _with_figure(contender: Contender, objective: Objective) -> Contender | None:
    figure = find_result(contender.results, objective.metric, objective.statistic, objective.batch_size)
    return None if figure is None or figure.value is None else replace(contender, figure=figure)


def _best(metric: str, batch_size: int, contenders: Sequence[Contender], grounds: Grounds) -> BatchBest:
    objective = Objective(metric=metric, statistic="median", batch_size=batch_size)
    timed = _timed(contenders, objective)
    differences = _differences(timed, objective, grounds)
    first, *others = differences.order
    family_size = max(comb(len(timed), 2), 1)

    def is_worse(other: int) -> bool:
        ratio = differences.time_ratio(other, first)
        if ratio is None or not ratio.logs:
            return differences.differs(other, first)
        return is_claimed(ratio, family_size=family_size, alpha=grounds.alpha)

    best = [timed[first], *(timed[other] for other in others if not is_worse(other))]
    row = timed[first].row
    return BatchBest(
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        batch_size=batch_size,
        candidate_ids=tuple(contender.row.candidate_id for contender in best),
        labels=tuple(contender.row.label for contender in best),
        figure=timed[first].figure,
        candidate_count=len(timed),
    )
