"""From the series of one candidate on one agent to one result: what the sample tests have in common."""

from collections.abc import Sequence

from mltest.coordinator.analysis.paired import is_usable
from mltest.coordinator.analysis.rounds import Figure, Rounds, Statistic
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Result, SampleSeries


def series_by_round(evidence: SampleEvidence, metric: str, batch_size: int = 0) -> list[list[SampleSeries]]:
    """Return the usable series of `metric`, one list for each round that has any."""
    chosen = (
        [
            series
            for series in samples.series
            if (series.metric, series.batch_size) == (metric, batch_size) and is_usable(series)
        ]
        for samples in evidence.rounds
    )
    return [series for series in chosen if series]


def seconds_by_round(evidence: SampleEvidence, metric_ns: str, batch_size: int = 0) -> Rounds:
    """Return the values of a metric in ns, with figures in seconds; one for several calls becomes their mean."""
    found = series_by_round(evidence, metric_ns, batch_size)
    is_batched = any(series.calls_per_value > 1 for one_round in found for series in one_round)
    values_ns = [[value for series in one_round for value in _call_times_ns(series)] for one_round in found]
    return Rounds(values_ns, units_per_value=1e9, is_batched=is_batched)


def bytes_by_round(evidence: SampleEvidence, metric: str) -> Rounds:
    """Return the values of a metric in bytes."""
    return Rounds(
        [
            [float(value) for series in one_round for value in series.values]
            for one_round in series_by_round(evidence, metric)
        ]
    )


def results_of(
    evidence: SampleEvidence,
    rounds: Rounds,
    statistics: Sequence[Statistic],
    *,
    test: str,
    metric: str,
    batch_size: int = 0,
) -> list[Result]:
    """Return one result for each of `statistics`."""
    return [
        result_of(evidence, rounds.figure(statistic), test=test, metric=metric, statistic=statistic, size=batch_size)
        for statistic in statistics
    ]


def result_of(
    evidence: SampleEvidence, figure: Figure, *, test: str, metric: str, statistic: Statistic, size: int = 0
) -> Result:
    """Return `figure` as a result; what could not be had says what it takes."""
    return Result(
        candidate_id=evidence.candidate_id,
        agent_id=evidence.agent_id,
        test=test,
        metric=metric,
        statistic=statistic.name,
        batch_size=size,
        value=figure.value,
        low=figure.interval.low if figure.interval else None,
        high=figure.interval.high if figure.interval else None,
        count=figure.count,
        reason=_reason(figure),
    )


def _reason(figure: Figure) -> str:
    if not figure.count:
        return "no value was sent"
    if figure.needs_single_calls:
        return "calls are too short to be timed one by one"
    if figure.missing_count:
        return (
            f"needs {figure.missing_count} more calls: raise slice_count or slice_s of the test, or rounds of the job"
        )
    return ""


def _call_times_ns(series: SampleSeries) -> Sequence[float]:
    if series.calls_per_value <= 1:
        return series.values
    return [value_ns / series.calls_per_value for value_ns in series.values]
