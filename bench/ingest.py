"""How fast samples are stored, beside a bare `executemany` of the same rows in the same run, and sealed at the end."""

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.figures import Figure, median, paired_ratio, publish
from mltest.coordinator.store import sql
from mltest.coordinator.store.series import SeriesRow, series_row
from mltest.coordinator.store.store import STORE_FILE_NAME, Store
from mltest.shared.domain import (
    FileRef,
    JobNote,
    JobSpec,
    Limits,
    Outcome,
    SampleBatch,
    SampleSeries,
    VisitEnded,
    VisitEvent,
    VisitSpec,
)

REPETITIONS = 7
ROWS = 20_000
ROWS_PER_EVENT = 100
ROWS_PER_COMMIT = 1_000
VALUES_PER_ROW = 100
"""Calls in one slice of 12.5 ms, for a call of 125 µs."""
SLICE_NS = 12_500_000
SLICE_COUNT = 24
CALLS_NS = (8_400, 22_000, 40_000, 80_000, 150_000) * 6
"""Cells of a usual attempt: three candidates, five batch sizes, two forms of a call."""
SEALED_VALUES = SLICE_COUNT * sum(SLICE_NS // call_ns for call_ns in CALLS_NS)


def main() -> None:
    """Store the same series in two ways, one after the other, several times."""
    events = [_event(number) for number in range(ROWS // ROWS_PER_EVENT)]
    per_commit = ROWS_PER_COMMIT // ROWS_PER_EVENT
    batches = [events[start : start + per_commit] for start in range(0, len(events), per_commit)]
    stored, bare = [], []
    for _ in range(REPETITIONS):
        stored.append(_store_rows_per_s(batches))
        bare.append(_bare_rows_per_s(batches))
    usual = _usual_attempt()
    sealed = [_sealing(usual) for _ in range(REPETITIONS)]
    publish(
        "ingest",
        [
            Figure(
                name="stored_rows_per_s", value=median(stored), meaning="series received, packed, durably committed"
            ),
            Figure(name="stored_values_per_s", value=median(stored) * VALUES_PER_ROW, meaning="raw values in them"),
            Figure(
                name="bare_rows_per_s",
                value=median(bare),
                meaning="bare executemany of packed rows, same file settings",
            ),
            Figure(
                name="stored_to_bare_ratio",
                value=paired_ratio(stored, bare),
                meaning="stored / bare executemany",
                target=">= 0.8",
            ),
            Figure(
                name="sealing_s",
                value=median([took_s for took_s, _ in sealed]),
                meaning=f"closing an attempt with {SEALED_VALUES:,} values",
                target="< 0.3",
            ),
            Figure(
                name="sealed_bytes_per_sample",
                value=median([stored_bytes for _, stored_bytes in sealed]),
                meaning="whole pages of the file for each of them",
                target="<= 2.2",
            ),
        ],
    )


def _event(number: int) -> VisitEvent:
    series = tuple(
        SampleSeries(
            candidate_id="0123456789ab",
            metric="latency_ns",
            batch_size=1,
            slice_index=number * ROWS_PER_EVENT + index,
            started_monotonic_ns=number,
            values=tuple(range(100_000, 100_000 + VALUES_PER_ROW)),
        )
        for index in range(ROWS_PER_EVENT)
    )
    return VisitEvent(seq=number + 1, event=SampleBatch(series=series))


def _usual_attempt() -> list[VisitEvent]:
    """Return the samples of slices that last equally long, one event for each pass over the cells."""
    chance = random.Random(1)
    return [
        VisitEvent(
            seq=index + 1,
            event=SampleBatch(series=tuple(_slice(index, cell, chance) for cell in range(len(CALLS_NS)))),
        )
        for index in range(SLICE_COUNT)
    ]


def _slice(index: int, cell: int, chance: random.Random) -> SampleSeries:
    call_ns = CALLS_NS[cell]
    return SampleSeries(
        candidate_id=f"{cell % 3:012}",
        metric="latency_ns",
        batch_size=1 + cell // 3,
        slice_index=index,
        started_monotonic_ns=10**15 + round((index * len(CALLS_NS) + cell + chance.random()) * SLICE_NS),
        values=tuple(round(call_ns * chance.lognormvariate(0, 0.15)) for _ in range(SLICE_NS // call_ns)),
    )


def _sealing(events: Sequence[VisitEvent]) -> tuple[float, float]:
    """Return how long the end of an attempt takes in seconds, and the bytes on the disk for each value."""
    with _store_with_an_attempt() as (store, path, job_id, attempt_key):
        store.visits.receive(attempt_key, events, job_id=job_id)
        (attempt,) = store.visits.attempts(job_id)
        ended, news = VisitEnded(outcome=Outcome.OK), JobNote(text="")
        begin = time.perf_counter()
        store.visits.end_attempt(attempt, ended, ends_visit=True, job_id=job_id, news=news)
        took_s = time.perf_counter() - begin
        with closing(sqlite3.connect(path)) as reader:
            query = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'sealed_series%'"
            ((stored_bytes,),) = reader.execute(query).fetchall()
        return took_s, stored_bytes / SEALED_VALUES


def _store_rows_per_s(batches: Sequence[Sequence[VisitEvent]]) -> float:
    with _store_with_an_attempt() as (store, _, job_id, attempt_key):
        begin = time.perf_counter()
        for batch in batches:
            store.visits.receive(attempt_key, batch, job_id=job_id)
        return ROWS / (time.perf_counter() - begin)


def _bare_rows_per_s(batches: Sequence[Sequence[VisitEvent]]) -> float:
    with (
        _store_with_an_attempt() as (_, path, _, attempt_key),
        closing(sqlite3.connect(path, isolation_level=None)) as bare,
    ):
        for pragma in sql.PRAGMAS:
            bare.execute(pragma)
        packed = [_rows(batch, attempt_key) for batch in batches]
        begin = time.perf_counter()
        for rows in packed:
            bare.execute("BEGIN IMMEDIATE")
            bare.executemany(sql.ADD_SERIES, rows)
            bare.execute("COMMIT")
        return ROWS / (time.perf_counter() - begin)


def _rows(batch: Sequence[VisitEvent], attempt_key: int) -> list[SeriesRow]:
    return [
        series_row(attempt_key, event.seq, index, series)
        for event in batch
        if isinstance(event.event, SampleBatch)
        for index, series in enumerate(event.event.series)
    ]


@contextmanager
def _store_with_an_attempt() -> Iterator[tuple[Store, Path, str, int]]:
    with tempfile.TemporaryDirectory() as name, closing(Store(Path(name))) as store:
        file = FileRef(name="m.skops", sha256="0" * 64)
        job_id = store.jobs.add("job", JobSpec(model=file, data=(file,)))
        limits = Limits(load_timeout_ns=1, step_timeout_ns=1, visit_timeout_ns=1, memory_bytes=1)
        visit = VisitSpec(
            visit_id="visit",
            attempt=1,
            job_id=job_id,
            round_index=0,
            seed=0,
            dataset_sha256="0" * 64,
            candidates=(),
            limits=limits,
        )
        store.visits.plan(job_id, [("agent", visit)])
        attempt = store.visits.begin_attempt("visit")
        yield store, Path(name) / STORE_FILE_NAME, job_id, attempt.attempt_key


if __name__ == "__main__":
    main()
