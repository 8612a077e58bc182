"""The dimensions of a Pareto front: which figures candidates are compared by, and when one of them differs. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mltest.coordinator.analysis.paired import PairedTimes
from mltest.coordinator.analysis.pareto import Compare, Order
from mltest.coordinator.analysis.ranking import Contender, Differences, are_apart, interval_of, is_exact
from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.planning.plan import Objective
from mltest.shared.domain import Result
from mltest.shared.metrics import RESULT_METRICS, Better
from mltest.shared.statistics.claims import ALPHA_FIXED
from mltest.shared.statistics.intervals import Interval
from mltest.shared.statistics.paired import Effect
from mltest.shared.statistics.tiers import claimed_pairs

LARGEST_HIDDEN_LOSS = 0.10
"""Where a difference is not claimed, one counts as no worse if its interval rules out that it is so much worse."""
SMALLEST_QUALITY_DIFFERENCE = 1e-6
"""Below it, qualities differ by arithmetic: float32 has 7 digits."""

_QUALITIES = ("accuracy", "r2", "label_agreement", "max_abs_difference")
"""The first that there is counts; the last two are what is known without true values."""
_JUDGED = {"accuracy": "judged_accuracy", "r2": "judged_r2"}
"""The same on the rows that no candidate was chosen by."""
_COSTS = (("memory_peak_bytes", "median"), ("artifact_bytes", "value"))
_ENERGY = "gross_energy_j"
"""What candidates are compared by: all that a boundary uses, as MLPerf Power counts."""


Figures = Sequence[Result | None]
"""One for each contender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One figure that all candidates of an agent are compared by."""

    name: str
    """For people."""
    figures: tuple[Result | None, ...]
    """Of each contender, by position; None where nothing is known."""
    compare: Compare[int]
    """Of contenders by position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """The time or rate by which the candidates of an agent are compared."""

    differences: Differences
    """What may be said of it."""
    places: tuple[int, ...]
    """Position of each contender there."""


def dimensions_of(
    contenders: Sequence[Contender], speed: Speed | None, alpha: float = ALPHA_FIXED
) -> tuple[Dimension, ...]:
    """Return the dimensions in which something is known of at least one of `contenders`: quality, speed, costs.

    Args:
        contenders: that are ranked on one agent.
        speed: of the same; None where nothing was timed.
        alpha: how likely at most even one of the differences in energy that are claimed is false.

    """
    found = [*_quality(contenders)]
    if speed is not None:
        found.append(_timed(speed))
    found += _energies(contenders, alpha)
    found += [_measured(contenders, metric, statistic, 0, "") for metric, statistic in _COSTS]
    return tuple(one for one in found if any(figure is not None for figure in one.figures))


def _quality(contenders: Sequence[Contender]) -> Iterator[Dimension]:
    """Yield how good predictions are; where one candidate was chosen by rows, all are judged by the others."""
    has_selected = any(contender.is_selected for contender in contenders)
    for metric in _QUALITIES:
        own = _JUDGED.get(metric, metric) if has_selected else metric
        if any(figure is not None for figure in _figures(contenders, own, "value", 0, "")):
            yield _measured(contenders, own, "value", 0, "")
            return


def _energies(contenders: Sequence[Contender], alpha: float) -> list[Dimension]:
    """Return what joules are compared by: gross, with the smallest batch; what was read at other boundaries is not."""
    keys = [(one.metric, one.statistic, one.batch_size) for c in contenders for one in c.results if _is_ranked(one)]
    if not keys:
        return []
    metric, statistic, batch_size = min(keys, key=lambda key: key[2])
    figures = _figures(contenders, metric, statistic, batch_size, "")
    known = next((figure for figure in figures if figure is not None), None)
    objective = Objective(metric=metric, statistic=statistic, batch_size=batch_size)
    label = f"{known.boundary}{' (estimate)' if known.is_estimate else ''}" if known is not None else ""
    joules = PairedTimes(objective, label)

    def effect(one: int, other: int) -> Effect | None:
        return joules.effect(contenders[one].samples, contenders[other].samples)

    claimed = claimed_pairs(range(len(contenders)), effect, alpha=alpha)

    def compare(one: int, other: int) -> Order:
        ours, theirs, ratio = figures[one], figures[other], effect(one, other)
        assert ours is not None
        assert theirs is not None
        if ratio is None:
            return _by_intervals(ours, theirs, is_higher_better=False)
        if frozenset((one, other)) in claimed:
            return Order.BETTER if ratio.ratio < 1 else Order.WORSE
        is_as_good = ratio.interval is not None and ratio.interval.high <= 1 + LARGEST_HIDDEN_LOSS
        return Order.ALIKE if is_as_good else Order.UNKNOWN

    return [_dimension(figure_name(metric, statistic, batch_size), figures, compare)]


def _is_ranked(result: Result) -> bool:
    return result.metric == _ENERGY and not result.label and result.value is not None


def _timed(speed: Speed) -> Dimension:
    differences, places = speed.differences, speed.places
    figures = tuple(differences.contenders[place].figure for place in places)

    def compare(one: int, other: int) -> Order:
        ratio = differences.time_ratio(places[one], places[other])
        if ratio is None:
            return _by_intervals(figures[one], figures[other], is_higher_better=differences.is_higher_better)
        if differences.differs(places[one], places[other]):
            return Order.BETTER if ratio.ratio < 1 else Order.WORSE
        is_as_good = ratio.interval is not None and ratio.interval.high <= 1 + LARGEST_HIDDEN_LOSS
        return Order.ALIKE if is_as_good else Order.UNKNOWN

    first = figures[0]
    return _dimension(figure_name(first.metric, first.statistic, first.batch_size), figures, compare)


def _measured(contenders: Sequence[Contender], metric: str, statistic: str, batch_size: int, label: str) -> Dimension:
    is_higher_better = RESULT_METRICS[metric].better is Better.HIGHER
    figures = _figures(contenders, metric, statistic, batch_size, label)

    def compare(one: int, other: int) -> Order:
        ours, theirs = figures[one], figures[other]
        assert ours is not None
        assert theirs is not None
        if is_exact(metric):
            both_lossless = not (contenders[one].row.is_lossy or contenders[other].row.is_lossy)
            return _by_values(ours, theirs, is_higher_better=is_higher_better, both_lossless=both_lossless)
        return _by_intervals(ours, theirs, is_higher_better=is_higher_better)

    name = figure_name(metric, statistic, batch_size) + (f" ({label})" if label else "")
    return _dimension(name, figures, compare)


def _dimension(name: str, figures: Figures, compare: Compare[int]) -> Dimension:
    """Return a dimension in which what is absent is no advantage: nobody beats another where it has no figure."""

    def known(one: int, other: int) -> Order:
        if figures[other] is None:
            return Order.ALIKE
        return Order.UNKNOWN if figures[one] is None else compare(one, other)

    return Dimension(name=name, figures=tuple(figures), compare=known)


def _by_values(ours: Result, theirs: Result, *, is_higher_better: bool, both_lossless: bool) -> Order:
    """Compare what is the same in every run; lossless candidates that the gate let pass differ by arithmetic only."""
    assert ours.value is not None
    assert theirs.value is not None
    least = 0 if RESULT_METRICS[ours.metric].unit == "bytes" else SMALLEST_QUALITY_DIFFERENCE
    if abs(ours.value - theirs.value) <= least or (both_lossless and ours.metric == "max_abs_difference"):
        return Order.ALIKE
    return Order.BETTER if (ours.value > theirs.value) == is_higher_better else Order.WORSE


def _by_intervals(ours: Result, theirs: Result, *, is_higher_better: bool) -> Order:
    """Compare what was not measured side by side."""
    assert ours.value is not None
    assert theirs.value is not None
    mine, other = interval_of(ours), interval_of(theirs)
    if are_apart(ours.value, mine, theirs.value, other):
        return Order.BETTER if (ours.value > theirs.value) == is_higher_better else Order.WORSE
    if mine is None or other is None:
        return Order.UNKNOWN
    worst = _worst_ratio(mine, other, is_higher_better=is_higher_better)
    return Order.ALIKE if worst <= 1 + LARGEST_HIDDEN_LOSS else Order.UNKNOWN


def _worst_ratio(ours: Interval, theirs: Interval, *, is_higher_better: bool) -> float:
    """Return how many times worse than theirs ours may be."""
    larger, smaller = (theirs.high, ours.low) if is_higher_better else (ours.high, theirs.low)
    return larger / smaller if smaller > 0 else float("inf")


def _figures(
    contenders: Sequence[Contender], metric: str, statistic: str, batch_size: int, label: str
) -> tuple[Result | None, ...]:
    """Return the figure of each contender; one that could not be had is none."""
    wanted = (metric, statistic, batch_size, label)

    def figure(contender: Contender) -> Result | None:
        found = (
            one
            for one in contender.results
            if (one.metric, one.statistic, one.batch_size, one.label) == wanted and one.value is not None
        )
        return next(found, None)

    return tuple(map(figure, contenders))
