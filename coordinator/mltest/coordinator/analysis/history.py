"""How a figure went from job to job, and where it changed. Pure.

A series goes on as long as the model's file name, dataset, candidate, agent, environment and yardstick stay the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mltest.coordinator.analysis.forms import RAW_OF_RESULT
from mltest.coordinator.analysis.measured import SLICE_STATISTICS, Measured, MeasuredJob, own
from mltest.coordinator.analysis.yardstick import logs_to
from mltest.shared.domain import Basis, Candidate, Change, History, HistoryPoint, HistorySeries, JobInfo, Result
from mltest.shared.metrics import RESULT_METRICS, Better
from mltest.shared.statistics.alarm import judgements
from mltest.shared.statistics.paired import Effect, effect_of

_SERIES = tuple[object, ...]


def is_sliced(metric: str, statistic: str) -> bool:
    """Return whether a figure is a time or a rate whose ratio to a yardstick can be had from slices."""
    return metric in RAW_OF_RESULT and statistic in SLICE_STATISTICS


def sliced_entries(job: MeasuredJob) -> tuple[HistorySeries, ...]:
    """Return what a job adds to the history of times and rates: series of one point each, relative to a yardstick.

    Takes a while with many samples: call it in a thread.
    """
    return tuple(_sliced(job))


def value_entries(
    job: JobInfo,
    candidates: Sequence[Candidate],
    results: Sequence[Result],
    agent_names: Mapping[str, str],
    environments: Mapping[str, Mapping[str, str]],
) -> tuple[HistorySeries, ...]:
    """Return what a job adds to the history of every other figure: series of one point each, the value itself."""
    by_id = {found.candidate_id: found for found in own(candidates)}
    return tuple(
        _entry(
            job,
            by_id[found.candidate_id],
            found,
            (found.agent_id, agent_names.get(found.agent_id, "")),
            basis=Basis.VALUE,
            environment=environments.get(found.agent_id, {}),
            point=_point(job, found, found.value, found.value, found.low, found.high),
        )
        for found in results
        if _is_wanted(found, by_id) and not is_sliced(found.metric, found.statistic) and found.value is not None
    )


def history_of(entries: Iterable[HistorySeries], *, last_job_id: str = "") -> History:
    """Return the series that `entries`, of one point each, make; with an alarm where a figure changed.

    Args:
        entries: of all jobs, in any order.
        last_job_id: if it is given, only the series that it belongs to, up to it.

    """
    found: dict[_SERIES, list[HistorySeries]] = {}
    for entry in sorted(entries, key=lambda entry: entry.points[0].created_unix_ns):
        found.setdefault(_key(entry), []).append(entry)
    series = (_upto(_joined(group), last_job_id) for group in found.values())
    return History(series=tuple(one for one in series if one is not None))


def _joined(group: Sequence[HistorySeries]) -> HistorySeries:
    """Return entries of one series as one, each point with what the ones before say of it."""
    points = [entry.points[0] for entry in group]
    metric = group[-1].metric
    judged = (
        replace(
            point,
            is_outside=judgement.is_outside,
            is_alarm=judgement.is_alarm,
            change_ratio=None if judgement.usual is None else point.level / judgement.usual,
            change=_change(metric, point.level, judgement.usual) if judgement.is_alarm else Change.UNDECIDED,
        )
        for point, judgement in zip(points, judgements([point.level for point in points]), strict=True)
    )
    return replace(group[-1], points=tuple(judged))


def _upto(series: HistorySeries, last_job_id: str) -> HistorySeries | None:
    """Return `series` up to a job; None if it has no part in it."""
    if not last_job_id:
        return series
    ids = [point.job_id for point in series.points]
    if last_job_id not in ids:
        return None
    return replace(series, points=series.points[: ids.index(last_job_id) + 1])


def _sliced(job: MeasuredJob) -> Iterator[HistorySeries]:
    by_id = {found.candidate_id: found for found in own(job.candidates)}
    names = {agent.agent_id: agent.name for agent in job.agents}
    for result in job.results:
        if not _is_wanted(result, by_id) or not is_sliced(result.metric, result.statistic) or result.value is None:
            continue
        candidate, agent_id = by_id[result.candidate_id], result.agent_id
        basis, yardstick = _yardstick(job, candidate)
        beside = job.by_key.get((yardstick.candidate_id, agent_id)) if yardstick else None
        effect = _effect(job.by_key.get((candidate.candidate_id, agent_id)), beside, result, basis)
        if yardstick is None or effect is None:
            continue
        interval = effect.interval
        yield _entry(
            job.job,
            candidate,
            result,
            (agent_id, names.get(agent_id, "")),
            basis=basis,
            environment={**job.environments.get(agent_id, {}), basis.value: yardstick.artifact_sha256},
            point=_point(
                job.job,
                result,
                result.value,
                effect.ratio,
                interval.low if interval else None,
                interval.high if interval else None,
            ),
        )


def _yardstick(job: MeasuredJob, candidate: Candidate) -> tuple[Basis, Candidate | None]:
    """Return what the times of `candidate` are divided by: the reference, else the baseline, but not by itself."""
    if job.reference is not None:
        return Basis.REFERENCE, job.reference
    baseline = job.baseline
    return Basis.BASELINE, None if baseline is candidate else baseline


def _effect(ours: Measured | None, beside: Measured | None, result: Result, basis: Basis) -> Effect | None:
    if ours is None or beside is None:
        return None
    effect = effect_of(logs_to(ours, beside, RAW_OF_RESULT[result.metric], result.batch_size, result.statistic, basis))
    if effect is not None and RESULT_METRICS[result.metric].better is Better.HIGHER:
        return effect.inverse
    return effect


def _is_wanted(result: Result, by_id: Mapping[str, Candidate]) -> bool:
    metric = RESULT_METRICS.get(result.metric)
    return (
        metric is not None
        and metric.better is not Better.NEITHER
        and result.candidate_id in by_id
        and not result.label
        and result.value is not None
        and result.value > 0
    )


def _entry(
    job: JobInfo,
    candidate: Candidate,
    result: Result,
    agent: tuple[str, str],
    *,
    basis: Basis,
    environment: Mapping[str, str],
    point: HistoryPoint,
) -> HistorySeries:
    agent_id, agent_name = agent
    return HistorySeries(
        model_name=job.spec.model.name,
        dataset_sha256=job.dataset.sha256 if job.dataset else "",
        label=candidate.label,
        runtime=candidate.runtime,
        agent_id=agent_id,
        agent_name=agent_name,
        metric=result.metric,
        statistic=result.statistic,
        batch_size=result.batch_size,
        basis=basis,
        environment=environment,
        points=(point,),
    )


def _point(
    job: JobInfo, result: Result, value: float, level: float, low: float | None, high: float | None
) -> HistoryPoint:
    return HistoryPoint(
        job_id=job.job_id,
        created_unix_ns=job.created_unix_ns,
        value=value,
        level=level,
        low=low,
        high=high,
        machine_class=result.machine_class,
    )


def _change(metric: str, level: float, usual: float | None) -> Change:
    if usual is None:
        return Change.UNDECIDED
    is_worse = (level > usual) == (RESULT_METRICS[metric].better is Better.LOWER)
    return Change.WORSE if is_worse else Change.BETTER


def _key(entry: HistorySeries) -> _SERIES:
    return (
        *(entry.model_name, entry.dataset_sha256, entry.label, entry.runtime, entry.agent_id),
        *(entry.metric, entry.statistic, entry.batch_size, entry.basis, tuple(sorted(entry.environment.items()))),
    )
