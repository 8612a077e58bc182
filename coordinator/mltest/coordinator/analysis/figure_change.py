"""What became of one figure of one candidate on one agent, from one job to another."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mltest.coordinator.analysis.energy_evidence import NO_ENERGY, EnergyEvidence
from mltest.coordinator.analysis.forms import RAW_OF_RESULT
from mltest.coordinator.analysis.measured import SLICE_STATISTICS, Measured
from mltest.coordinator.analysis.paired import is_energy, joules_by_round
from mltest.coordinator.analysis.unpaired import UnpairedRatio, unpaired_ratio
from mltest.coordinator.analysis.yardstick import Yardstick, logs_to
from mltest.shared.domain import Basis, Change, Difference, Result
from mltest.shared.metrics import RAW_METRICS, RESULT_METRICS, Better
from mltest.shared.statistics.claims import SMALLEST_DIFFERENCE, is_claimed
from mltest.shared.statistics.intervals import Interval
from mltest.shared.statistics.paired import Effect, effect_of, round_logs

MARGIN_BETWEEN_JOBS = 0.05
"""Ratios to a reference vary by 1.2 to 1.7 % from run to run, which the rounds of one run do not show."""
MARGIN_OF_ABSOLUTE_TIMES = 0.25
"""Absolute times vary by 8 to 10 % from run to run."""
_SAME = 1e-9
"""Relative difference of two figures that are the same but for the last digits of a sum."""
_UNTIED = "not measured side by side, and no reference or unchanged native baseline is in both jobs"
_YARDSTICK = "it is what the times of the others are compared through"

Figure = tuple[str, str, int]
"""Metric, statistic, rows per call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A candidate in one job."""

    results: Mapping[Figure, Result]
    measured: Measured | None
    yardstick: Measured | None = None
    """What is in both jobs; None where nothing is."""
    energy: EnergyEvidence = NO_ENERGY
    """What was recorded of its joules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One candidate on one agent, in two jobs."""

    label: str
    runtime: str
    agent_id: str
    agent_name: str
    before: Side
    after: Side
    is_paired: bool
    """Whether both sides were measured in the slices of one job."""
    yardstick: Yardstick | None
    """What is in both jobs; None where nothing is, or where it is not needed."""
    is_yardstick: bool = False
    """Whether the candidate itself is what others are compared through."""
    alpha: float
    """Level of a family of claims."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that are in both jobs, not without a value in both, and that have a better and a worse."""
        return tuple(
            figure
            for figure, after in self.after.results.items()
            if (before := self.before.results.get(figure)) is not None
            and (before.value is not None or after.value is not None)
            and figure[0] in RESULT_METRICS
            and RESULT_METRICS[figure[0]].better is not Better.NEITHER
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    change: Change
    basis: Basis = Basis.UNSPECIFIED
    ratio: float | None = None
    interval: Interval | None = None
    reason: str = ""


def difference_of(pair: Pair, figure: Figure, *, family_size: int) -> Difference:
    """Return what became of one of the figures of `pair`.

    Args:
        pair: the candidate.
        figure: metric, statistic and rows per call.
        family_size: candidates whose figure is compared on that agent.

    """
    metric, statistic, batch_size = figure
    before, after = pair.before.results[figure], pair.after.results[figure]
    found = _finding(pair, figure, before, after, family_size)
    return Difference(
        label=pair.label,
        runtime=pair.runtime,
        agent_id=pair.agent_id,
        agent_name=pair.agent_name,
        metric=metric,
        statistic=statistic,
        batch_size=batch_size,
        before=before.value,
        after=after.value,
        change=found.change,
        basis=found.basis,
        ratio=found.ratio,
        ratio_low=found.interval.low if found.interval else None,
        ratio_high=found.interval.high if found.interval else None,
        reason=found.reason,
        machine_class_before=before.machine_class,
        machine_class_after=after.machine_class,
    )


def _finding(pair: Pair, figure: Figure, before: Result, after: Result, family_size: int) -> _Finding:
    metric, statistic, batch_size = figure
    if before.value is None or after.value is None:
        side, lacking = ("before", before) if before.value is None else ("now", after)
        return _Finding(change=Change.INCOMPARABLE, reason=f"not there {side}: {lacking.reason}")
    if _covered(before) != _covered(after):
        covered = f"measured at {_covered(before)} before and at {_covered(after)} now, which are never compared"
        return _Finding(change=Change.INCOMPARABLE, reason=covered)
    if pair.is_paired and is_energy(metric):
        return _of_joules(pair, metric, batch_size, _covered(after), family_size)
    raw_metric = RAW_OF_RESULT.get(metric)
    if raw_metric is not None and statistic in SLICE_STATISTICS:
        return _of_slices(pair, metric, raw_metric, statistic, batch_size, family_size)
    process_metric = metric.removesuffix("_s") + "_ns" if metric.endswith("_s") else metric
    if process_metric in RAW_METRICS and statistic == "median" and not batch_size:
        return _of_processes(pair, metric, process_metric, family_size)
    return _of_values(metric, before, after)


def _of_slices(pair: Pair, metric: str, raw_metric: str, statistic: str, batch_size: int, family_size: int) -> _Finding:
    before, after = pair.before.measured, pair.after.measured
    if before is None or after is None:
        return _Finding(change=Change.INCOMPARABLE, reason="no times are stored")
    if pair.is_paired:
        times = (side.times(raw_metric, batch_size, statistic) for side in (after, before))
        return _of_effect(pair, metric, effect_of(tuple(round_logs(*times).values())), family_size)
    if pair.is_yardstick:
        return _Finding(change=Change.INCOMPARABLE, reason=_YARDSTICK)
    if pair.yardstick is None or pair.before.yardstick is None or pair.after.yardstick is None:
        return _Finding(change=Change.INCOMPARABLE, reason=_UNTIED)
    basis = pair.yardstick.basis
    ratio = unpaired_ratio(
        logs_to(before, pair.before.yardstick, raw_metric, batch_size, statistic, basis),
        logs_to(after, pair.after.yardstick, raw_metric, batch_size, statistic, basis),
    )
    return _of_ratio(pair, metric, basis, ratio, MARGIN_BETWEEN_JOBS, family_size)


def _of_joules(pair: Pair, metric: str, batch_size: int, boundary: str, family_size: int) -> _Finding:
    """Compare by joules of the same rounds, in which the scale of the meter drops out."""
    joules = (joules_by_round(side.energy, metric, batch_size, boundary) for side in (pair.after, pair.before))
    return _of_effect(pair, metric, effect_of(tuple(round_logs(*joules).values())), family_size)


def _covered(result: Result) -> str:
    """Return the boundary of joules and watts, and whether they are an estimate; empty for other figures."""
    return f"{result.boundary} (estimate)" if result.is_estimate else result.boundary


def _of_processes(pair: Pair, metric: str, raw_metric: str, family_size: int) -> _Finding:
    before, after = (
        side.measured.processes.get(raw_metric, {}) if side.measured else {} for side in (pair.before, pair.after)
    )
    if pair.is_paired:
        shared = sorted(before.keys() & after.keys())
        logs = [_log(after[index]) - _log(before[index]) for index in shared]
        return _of_effect(pair, metric, effect_of(logs), family_size)
    margin = MARGIN_OF_ABSOLUTE_TIMES if metric.endswith("_s") else MARGIN_BETWEEN_JOBS
    ratio = unpaired_ratio([_log(value) for value in before.values()], [_log(value) for value in after.values()])
    return _of_ratio(pair, metric, Basis.ROUNDS, ratio, margin, family_size)


def _of_values(metric: str, before: Result, after: Result) -> _Finding:
    assert before.value is not None
    assert after.value is not None
    ratio = after.value / before.value if before.value else None
    if math.isclose(before.value, after.value, rel_tol=_SAME):
        return _Finding(change=Change.SAME, basis=Basis.VALUE, ratio=ratio)
    ours, theirs = _interval(after), _interval(before)
    has_intervals = ours is not None and theirs is not None
    is_certain = ours is not None and theirs is not None and not ours.overlaps(theirs)
    is_time = RESULT_METRICS[metric].unit in ("s", "rows/s")
    margin = MARGIN_OF_ABSOLUTE_TIMES if is_time else SMALLEST_DIFFERENCE if not has_intervals else 0.0
    is_size = RESULT_METRICS[metric].unit == "bytes"
    is_far = is_size or ratio is None or not ratio > 0 or max(ratio, 1 / ratio) > 1 + margin
    if not (is_far and (is_certain or not (has_intervals or is_time))):
        return _Finding(change=Change.UNDECIDED, basis=Basis.VALUE, ratio=ratio)
    return _Finding(change=_direction(metric, after.value - before.value), basis=Basis.VALUE, ratio=ratio)


def _of_effect(pair: Pair, metric: str, effect: Effect | None, family_size: int) -> _Finding:
    if effect is None:
        return _Finding(change=Change.INCOMPARABLE, reason="no slice has both")
    if all(log == 0 for log in effect.logs):
        return _Finding(change=Change.SAME, basis=Basis.PAIRED, ratio=1.0, interval=effect.interval)
    claimed = is_claimed(effect, family_size=family_size, alpha=pair.alpha)
    return _turned(metric, Basis.PAIRED, effect.ratio, effect.interval, is_different=claimed)


def _of_ratio(
    pair: Pair, metric: str, basis: Basis, ratio: UnpairedRatio | None, margin: float, family_size: int
) -> _Finding:
    if ratio is None:
        return _Finding(change=Change.INCOMPARABLE, basis=basis, reason=_UNTIED)
    claimed = ratio.is_claimed(margin, family_size=family_size, alpha=pair.alpha)
    return _turned(metric, basis, ratio.ratio, ratio.interval, is_different=claimed)


def _turned(metric: str, basis: Basis, ratio: float, interval: Interval | None, *, is_different: bool) -> _Finding:
    """Return the finding on a figure from the ratio of its times or sizes; that of a rate is the inverse."""
    if RESULT_METRICS[metric].better is Better.HIGHER:
        ratio = 1 / ratio
        interval = Interval(low=1 / interval.high, high=1 / interval.low) if interval else None
    change = _direction(metric, ratio - 1) if is_different else Change.UNDECIDED
    return _Finding(change=change, basis=basis, ratio=ratio, interval=interval)


def _direction(metric: str, growth: float) -> Change:
    is_worse = (growth > 0) == (RESULT_METRICS[metric].better is Better.LOWER)
    return Change.WORSE if is_worse else Change.BETTER


def _interval(result: Result) -> Interval | None:
    if result.low is None or result.high is None:
        return None
    return Interval(low=result.low, high=result.high)


def _log(value: float) -> float:
    return math.log(max(value, 1.0))
