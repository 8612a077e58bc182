"""Compares jobs as they are in the store."""

import asyncio
import itertools
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from mltest.coordinator.analysis.comparison import compare
from mltest.coordinator.analysis.energy_evidence import EnergyEvidence, RecordedRound
from mltest.coordinator.analysis.history import history_of, is_sliced, sliced_entries, value_entries
from mltest.coordinator.analysis.measured import MeasuredBuilder, MeasuredJob, environment_of, fingerprint_of
from mltest.coordinator.job.site import Site
from mltest.coordinator.planning.plan import Objective
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.profiles import stop_rule
from mltest.coordinator.store import Store
from mltest.shared.domain import (
    Comparison,
    History,
    HistorySeries,
    JobInfo,
    JobState,
    Outcome,
    VisitEnded,
    VisitStarted,
)
from mltest.shared.jsonable import from_json, to_json

_LOG = logging.getLogger(__name__)
_FOLDER = "history"
_LATENCY = ("latency_s", "median")
_MANY = 100_000
_KEPT_VERSION = 1
"""Of what is kept of a job's slices; another version is made anew."""


async def compared(site: Site, job_a: str, job_b: str) -> Comparison:
    """Return what is different in `job_b`; both are whole identities."""
    before = await site.thread.run(read_measured, site.store, job_a)
    after = before if job_a == job_b else await site.thread.run(read_measured, site.store, job_b)
    return await asyncio.to_thread(compare, before, after)


async def history(site: Site, figure: Objective | None, *, limit: int, last: JobInfo | None = None) -> History:
    """Return the history of a figure over the newest jobs that are done.

    What the slices of a job add to it is kept below the state directory, so that they are read only once; that may be
    deleted at any time.

    Args:
        site: of the coordinator.
        figure: None for the latency at each batch size.
        limit: jobs at most.
        last: if it is given, only the series that this job belongs to, up to it.

    """
    jobs = [job for job in await site.thread.run(site.store.jobs.newest, _MANY) if job.state is JobState.DONE]
    if last is not None:
        jobs = [job for job in jobs if job.created_unix_ns <= last.created_unix_ns]
    folder = site.folder / _FOLDER
    found = [await site.thread.run(_entries, site.store, folder, job, figure) for job in jobs[:limit]]
    return history_of(itertools.chain.from_iterable(found), last_job_id=last.job_id if last else "")


def read_measured(store: Store, job_id: str) -> MeasuredJob:
    """Return a job as comparisons see it; slow with many samples."""
    builder = MeasuredBuilder()
    for found in store.visits.series(job_id):
        builder.add(found.agent_id, found.round_index, found.series)
    job = store.jobs.get(job_id)
    results, standings = store.outcomes.conclusion(job_id)
    return MeasuredJob(
        job=job,
        candidates=store.jobs.candidates(job_id),
        results=results,
        standings=standings,
        measured=builder.measured(),
        agents=store.outcomes.participants(job_id),
        environments=_environments(store, job_id),
        fingerprints=_fingerprints(store, job_id),
        energies=_energies(store, job_id),
        speeds=store.speed.of_job(job_id),
        has_stop_rule=stop_rule(parse_plan(job.spec.plan_toml)) is not None,
    )


def _entries(store: Store, folder: Path, job: JobInfo, figure: Objective | None) -> list[HistorySeries]:
    if figure is None:
        return [entry for entry in _sliced(store, folder, job) if (entry.metric, entry.statistic) == _LATENCY]
    found = _sliced(store, folder, job) if is_sliced(figure.metric, figure.statistic) else _values(store, job)
    wanted = (figure.metric, figure.statistic, figure.batch_size)
    return [entry for entry in found if (entry.metric, entry.statistic, entry.batch_size) == wanted]


def _values(store: Store, job: JobInfo) -> tuple[HistorySeries, ...]:
    results, _ = store.outcomes.conclusion(job.job_id)
    names = {agent.agent_id: agent.name for agent in store.outcomes.participants(job.job_id)}
    return value_entries(job, store.jobs.candidates(job.job_id), results, names, _environments(store, job.job_id))


def _sliced(store: Store, folder: Path, job: JobInfo) -> tuple[HistorySeries, ...]:
    """Return what the slices of a job add to the history: as it was kept, or made and kept now."""
    kept = folder / f"{job.job_id}.{_KEPT_VERSION}.json"
    try:
        return from_json(kept.read_bytes(), tuple[HistorySeries, ...])
    except FileNotFoundError:
        pass
    except Exception:
        _LOG.warning("what was kept of a job cannot be read, and is made anew", extra={"job_id": job.job_id})
    entries = sliced_entries(read_measured(store, job.job_id))
    _keep(kept, to_json(entries))
    return entries


def _keep(path: Path, text: str) -> None:
    """Write `path` as a whole or not at all; without it, only time is lost."""
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        _LOG.debug("nothing is kept of a job: %s", error)


def _environments(store: Store, job_id: str) -> dict[str, dict[str, str]]:
    visits = _visits(store, job_id)
    return {
        agent.agent_id: dict(environment_of(agent, visits.get(agent.agent_id, ())))
        for agent in store.outcomes.participants(job_id)
    }


def _energies(store: Store, job_id: str) -> dict[tuple[str, str], EnergyEvidence]:
    rounds: dict[tuple[str, str], list[RecordedRound]] = {}
    for one in store.visits.energy(job_id):
        found = RecordedRound(round_index=one.round_index, recorded=one.recorded)
        rounds.setdefault((one.recorded.candidate_id, one.agent_id), []).append(found)
    return {key: EnergyEvidence(rounds=tuple(found)) for key, found in rounds.items()}


def _fingerprints(store: Store, job_id: str) -> dict[str, Mapping[str, str]]:
    found = {agent_id: fingerprint_of(visits) for agent_id, visits in _visits(store, job_id).items()}
    return {agent_id: facts for agent_id, facts in found.items() if facts}


def _visits(store: Store, job_id: str) -> dict[str, list[tuple[VisitStarted | None, VisitEnded | None]]]:
    """Return beginning and end of each attempt that ended well, by agent."""
    agent_ids = {visit.spec.visit_id: visit.agent_id for visit in store.visits.of_job(job_id)}
    found: dict[str, list[tuple[VisitStarted | None, VisitEnded | None]]] = {}
    for attempt in store.visits.attempts(job_id):
        if attempt.outcome is Outcome.OK and attempt.visit_id in agent_ids:
            found.setdefault(agent_ids[attempt.visit_id], []).append((attempt.started, attempt.ended))
    return found
