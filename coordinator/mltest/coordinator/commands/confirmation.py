"""Confirms an alarm: the last good job against the newest one, in the same slices of a new job."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.report.change_text import mark_of, ratio_text
from mltest.shared.domain import Change, Difference, History, HistorySeries, JobSpec, JobState
from mltest.shared.errors import JobStateError

if TYPE_CHECKING:
    from mltest.coordinator.api import CoordinatorApi

_FEWEST_ROUNDS = 6
"""With fewer, hardly any difference can be claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What measuring old against new said of the figures in question."""

    old_job_id: str
    job_id: str
    """In which both were measured; empty if there was nothing to measure against."""
    confirmed: tuple[Difference, ...]
    """That are worse."""
    others: tuple[Difference, ...]
    """That are not, or cannot be told apart."""


def regressions(history: History) -> tuple[HistorySeries, ...]:
    """Return the series whose newest run raises an alarm because it is worse."""
    return tuple(one for one in history.series if _is_regression(one))


async def confirm(api: "CoordinatorApi", job_id: str, history: History) -> Confirmation:
    """Submit the job that measures old against new, wait for it, and return what it said.

    The series in question are those with an alarm, or all where there is none.

    Raises:
        MltestError: it could not be submitted, or did not come to its end.

    """
    series = regressions(history) or history.series
    old_job_id = last_good_job(series)
    if not old_job_id:
        return Confirmation(old_job_id="", job_id="", confirmed=(), others=())
    spec = (await api.job(job_id)).spec
    new_job_id = await api.submit(confirming_spec(spec, old_job_id, series))
    await _follow(api, new_job_id)
    comparison = await api.compare(old_job_id, new_job_id)
    wanted = {_figure(one) for one in series}
    found = [one for one in comparison.differences if _figure(one) in wanted]
    return Confirmation(
        old_job_id=old_job_id,
        job_id=new_job_id,
        confirmed=tuple(one for one in found if one.change is Change.WORSE),
        others=tuple(one for one in found if one.change is not Change.WORSE),
    )


def last_good_job(series: Sequence[HistorySeries]) -> str:
    """Return the job before the change: before the two of an alarm, else the one before the newest; empty if none."""
    found = Counter(
        one.points[-step].job_id for one in series if len(one.points) >= (step := 3 if one.points[-1].is_alarm else 2)
    )
    return found.most_common(1)[0][0] if found else ""


def confirming_spec(spec: JobSpec, old_job_id: str, series: Sequence[HistorySeries]) -> JobSpec:
    """Return what asks for old against new, with only the runtimes in question."""
    plan = parse_plan(spec.plan_toml)
    narrowed = replace(
        plan,
        runtimes=tuple(sorted({one.runtime for one in series})),
        rounds=max(plan.rounds, _FEWEST_ROUNDS) if plan.rounds else plan.rounds,
    )
    return replace(spec, against_job_id=old_job_id, plan_toml=plan_toml(narrowed))


def confirmation_text(confirmation: Confirmation) -> str:
    """Return what was confirmed, for people."""
    if not confirmation.job_id:
        return "There is no job before it to measure against."
    verdict = "Confirmed" if confirmation.confirmed else "Not confirmed"
    lines = [f"{verdict} by job {confirmation.job_id}, with {confirmation.old_job_id} in the same slices (new / old):"]
    for one in (*confirmation.confirmed, *confirmation.others):
        name = figure_name(one.metric, one.statistic, one.batch_size)
        says = one.reason or ratio_text(one.ratio, one.ratio_low, one.ratio_high)
        lines.append(f"{mark_of(one.change)} {one.label} on {one.agent_name}, {name}: {says}")
    return "\n".join(lines)


async def _follow(api: "CoordinatorApi", job_id: str) -> None:
    """Show progress until the job stands still; JobStateError if it did not come to its end."""
    from rich.console import Console

    from mltest.coordinator.report.progress import ProgressView

    with ProgressView(Console(stderr=True)) as view:
        async for event in api.watch(job_id):
            view.add(event)
    job = await api.job(job_id)
    if job.state is not JobState.DONE:
        detail = f"it was to confirm a regression: {job.reason or 'it was stopped'}"
        raise JobStateError(job_id=job_id, state=job.state.value, detail=detail)


def _is_regression(series: HistorySeries) -> bool:
    return series.points[-1].is_alarm and series.points[-1].change is Change.WORSE


def _figure(one: HistorySeries | Difference) -> tuple[str, str, str, str, int]:
    return (one.label, one.agent_id, one.metric, one.statistic, one.batch_size)
