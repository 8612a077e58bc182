"""Whether what a coordinator has stored is exactly what was measured: nothing lost, doubled, or at the same time."""

import itertools
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mltest.coordinator.home import open_coordinator
from mltest.coordinator.store.sealing import opened
from mltest.coordinator.store.series import series_of_row
from mltest.shared.domain import JobState, SampleSeries

_ATTEMPTS = """
SELECT visit.agent_id, visit.round_index, visit.visit_id, visit.outcome AS visit_outcome, attempt.outcome
FROM visit LEFT JOIN attempt USING (visit_id) WHERE visit.job_id = ?
"""
_ATTEMPT_KEYS = "SELECT attempt_key, agent_id, visit_id, attempt FROM attempt JOIN visit USING (visit_id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a job has to bring when it is done."""

    agent_count: int
    round_count: int
    slice_count: int
    candidate_count: int
    metric: str = "latency_ns"
    """Of which each slice is one series."""


async def faults_of(home: Path, job_id: str, expected: Expected) -> list[str]:
    """Return what is wrong with a job; nothing if it is exact."""
    api = await open_coordinator(home, needs_to_run=False)
    try:
        job = await api.job(job_id)
        if job.state is not JobState.DONE:
            return [f"{job.state.value}: {job.reason}"]
        series = [(found.agent_id, found.round_index, found.series) async for found in api.samples(job_id)]
    finally:
        await api.close()
    return [*_faults_of_visits(home, job_id, expected), *_faults_of_series(series, expected)]


def overlaps(*homes: Path) -> list[str]:
    """Return the attempts that measured on one agent at the same time, of all jobs, also of those that broke.

    Args:
        homes: of all coordinators of these agents.

    """
    found = []
    by_agent: dict[str, list[tuple[int, int, str]]] = {}
    for home in homes:
        for agent_id, interval in _intervals(home):
            by_agent.setdefault(agent_id, []).append(interval)
    for agent_id, intervals in by_agent.items():
        intervals.sort()
        for (_, end, one), (begin, _, other) in itertools.pairwise(intervals):
            if begin < end:
                found.append(f"{one} and {other} on {agent_id}, for {end - begin} ns")
    return found


def attempt_count(home: Path) -> int:
    """Return how many attempts there were."""
    with closing(_read_only(home)) as database:
        return int(database.execute("SELECT count(*) FROM attempt").fetchone()[0])


def is_intact(home: Path) -> bool:
    """Return what SQLite's integrity check says."""
    with closing(_read_only(home)) as database:
        return [tuple(row) for row in database.execute("PRAGMA integrity_check")] == [("ok",)]


def _intervals(home: Path) -> Iterator[tuple[str, tuple[int, int, str]]]:
    """Yield, for each attempt, its agent, and from when to when it measured."""
    with closing(_read_only(home)) as database:
        for row in database.execute(_ATTEMPT_KEYS).fetchall():
            if spans := [(one.started_monotonic_ns, _end_ns(one)) for one in _series(database, row["attempt_key"])]:
                name = f"{home.name}: {row['visit_id']}, attempt {row['attempt']}"
                yield row["agent_id"], (min(spans)[0], max(end for _, end in spans), name)


def _faults_of_visits(home: Path, job_id: str, expected: Expected) -> list[str]:
    with closing(_read_only(home)) as database:
        rows = database.execute(_ATTEMPTS, (job_id,)).fetchall()
    faults = [
        f"visit {row['visit_id']} ended as {row['visit_outcome']}" for row in rows if row["visit_outcome"] != "ok"
    ]
    good = Counter((row["agent_id"], row["round_index"]) for row in rows if row["outcome"] == "ok")
    faults += [f"round {key} counts {times} times" for key, times in good.items() if times != 1]
    faults += [f"an attempt of {row['visit_id']} is open" for row in rows if row["outcome"] is None]
    if len(good) != expected.agent_count * expected.round_count:
        faults.append(f"{len(good)} rounds count: {sorted(good)}")
    return faults


def _faults_of_series(series: Sequence[tuple[str, int, SampleSeries]], expected: Expected) -> list[str]:
    times: Counter[tuple[object, ...]] = Counter()
    slices: Counter[tuple[str, int, str]] = Counter()
    for agent_id, round_index, one in series:
        times[agent_id, round_index, one.candidate_id, one.metric, one.batch_size, one.slice_index] += 1
        slices[agent_id, round_index, one.candidate_id] += one.metric == expected.metric
    faults = [f"{key} was stored {count} times" for key, count in times.items() if count != 1]
    faults += [f"{key} has {count} slices" for key, count in slices.items() if count != expected.slice_count]
    measured = expected.agent_count * expected.round_count * expected.candidate_count
    if len(slices) != measured:
        faults.append(f"{len(slices)} of {measured} candidates and rounds were measured")
    return faults


def _series(database: sqlite3.Connection, attempt_key: int) -> Iterator[SampleSeries]:
    for row in database.execute("SELECT * FROM series WHERE attempt_key = ?", (attempt_key,)):
        yield series_of_row(row)
    for row in database.execute("SELECT * FROM sealed_series WHERE attempt_key = ?", (attempt_key,)):
        yield from opened(row)


def _end_ns(series: SampleSeries) -> int:
    """Return when its last call ended, at the earliest."""
    is_time = series.metric == "latency_ns"
    return series.started_monotonic_ns + (sum(series.values) if is_time else 0)


def _read_only(home: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{home / 'store.sqlite'}?mode=ro", uri=True, timeout=30)
    database.row_factory = sqlite3.Row
    return database
