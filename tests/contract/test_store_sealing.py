"""What every store has to do with series when their attempt ends, and with those that an earlier version stored."""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from mltest.coordinator.api import StoredSeries
from mltest.coordinator.store import Store, migrations, slim_sqlite_utils
from mltest.shared.domain import (
    CallRemark,
    CallsVerified,
    CandidateEnded,
    MachineClass,
    MachineState,
    Outcome,
    RemarkKind,
    SampleBatch,
    SampleSeries,
    VerifiedCalls,
    VisitEnded,
    VisitEvent,
)
from tests.contract.stored import LOST, OK, begin, end, series

MIXED = [
    series(5, 6, started_monotonic_ns=10**15, slice_index=3),
    series(2**40, 1, metric="conversion_ns", batch_size=128, calls_per_value=100, started_monotonic_ns=10**15 + 9),
    series(7, started_monotonic_ns=10**15 + 5, slice_index=1, is_throttled=True, calls_per_value=1),
    series(8, candidate_id="other", metric="memory_peak_bytes", batch_size=0),
    series(started_monotonic_ns=3, slice_index=2),
]
"""The third slice of the first cell began before the second one did."""
MAX_BYTES_PER_SAMPLE = 2.2


def receive(store: Store, attempt_key: int, found: Sequence[SampleSeries], *, seq: int = 1) -> None:
    store.visits.receive(attempt_key, [VisitEvent(seq=seq, event=SampleBatch(series=tuple(found)))], job_id="job1")


def rows(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        ((count,),) = connection.execute(f"SELECT count(*) FROM {table}")
    return int(count)


def by_cell(found: Sequence[SampleSeries]) -> list[SampleSeries]:
    cells = list(dict.fromkeys((one.candidate_id, one.metric, one.batch_size) for one in found))
    return sorted(found, key=lambda one: cells.index((one.candidate_id, one.metric, one.batch_size)))


def test_sealed_series_come_back_as_they_were_cell_by_cell(store: Store, folder: Path) -> None:
    attempt = begin(store)
    receive(store, attempt.attempt_key, MIXED)
    end(store, attempt, OK)

    assert list(store.visits.series("job1")) == [
        StoredSeries(agent_id="agent1", round_index=0, series=one) for one in by_cell(MIXED)
    ]
    assert (rows(folder, "series"), rows(folder, "sealed_series")) == (0, 3)


@pytest.mark.parametrize("ending", ["failed", "interrupted"])
def test_series_of_an_attempt_that_broke_are_sealed_and_kept_but_do_not_count(
    store: Store, folder: Path, ending: str
) -> None:
    attempt = begin(store)
    receive(store, attempt.attempt_key, MIXED)
    if ending == "failed":
        end(store, attempt, LOST)
    else:
        store.visits.end_open_attempts("job1", reason_code="VISIT_INTERRUPTED", reason="the coordinator died")

    assert list(store.visits.series("job1")) == []
    assert (rows(folder, "series"), rows(folder, "sealed_series")) == (0, 3)


def test_what_arrives_after_the_end_of_an_attempt_is_dropped(store: Store, folder: Path) -> None:
    attempt = begin(store)
    receive(store, attempt.attempt_key, MIXED)
    end(store, attempt, OK)
    receive(store, attempt.attempt_key, MIXED)
    receive(store, attempt.attempt_key, MIXED, seq=2)

    assert len(list(store.visits.series("job1"))) == len(MIXED)
    assert rows(folder, "series") == 0


def test_pages_go_on_where_the_page_before_ended(store: Store) -> None:
    attempt = begin(store)
    many = [series(number, metric=f"metric{number}", slice_index=index) for number in range(50) for index in range(3)]
    receive(store, attempt.attempt_key, many)
    end(store, attempt, OK)

    first = store.visits.series_page("job1", (0, 0, 0))
    assert 0 < len(first) < len(many)
    assert [found.series for found in store.visits.series("job1")] == many


def test_a_sample_takes_two_bytes_with_everything_that_is_said_of_it(store: Store, folder: Path) -> None:
    chance = random.Random(1)
    attempt = begin(store)
    begun_ns, value_count = 10**15, 0
    for seq in range(1, 25):
        found = []
        for metric, call_ns in (("latency_ns", 8_400), ("lean_latency_ns", 6_400), ("native_latency_ns", 2_600)):
            values = [round(call_ns * chance.lognormvariate(0, 0.15)) for _ in range(400)]
            begun_ns += round(12.5e6 * chance.uniform(1, 1.1))
            found.append(series(*values, metric=metric, slice_index=seq, started_monotonic_ns=begun_ns))
            value_count += len(values)
        receive(store, attempt.attempt_key, found, seq=seq)
    end(store, attempt, OK)

    with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        ((stored_bytes,),) = connection.execute(
            "SELECT sum(length(slice_blob) + length(value_blob) + length(candidate_id) + length(metric) + 40)"
            " FROM sealed_series"
        )
    assert stored_bytes / value_count <= MAX_BYTES_PER_SAMPLE


def test_a_database_of_the_first_version_is_read_on_and_its_series_count(folder: Path) -> None:
    first = slim_sqlite_utils.Migrations("mltest")
    first(name="0001_first")(migrations._first)
    with closing(sqlite3.connect(folder / "store.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        first.apply(slim_sqlite_utils.Database(connection))
        connection.execute("INSERT INTO job (job_id, state, created_unix_ns, spec_json) VALUES ('job1', 'done', 1, '')")
        connection.execute(
            "INSERT INTO visit (visit_id, job_id, agent_id, round_index, spec_json, outcome)"
            " VALUES ('visit1', 'job1', 'agent1', 4, '', 'ok')"
        )
        connection.execute(
            "INSERT INTO attempt (attempt_key, visit_id, attempt, begun_unix_ns, outcome, ended_json)"
            """ VALUES (1, 'visit1', 1, 1, 'ok', '{"outcome": "ok"}')"""
        )
        for seq in range(1, 702):
            blob = seq.to_bytes(4, "little")
            connection.execute(
                "INSERT INTO series VALUES (1, ?, 0, 'native', 'latency_ns', 1, ?, 7, 4, ?)", (seq, seq, blob)
            )
        connection.execute("INSERT INTO candidate_end VALUES (1, 'native', 'ok', '', '')")
        connection.execute("COMMIT")

    with closing(Store(folder)) as store:
        found = list(store.visits.series("job1"))
        (ended,) = store.outcomes.remarks("job1")
        assert [one.series for one in found] == [series(number, slice_index=number) for number in range(1, 702)]
        assert {(one.agent_id, one.round_index) for one in found} == {("agent1", 4)}
        assert (ended.remarks, ended.thread_count) == ((), None)
        assert store.outcomes.verifications("job1") == ()
        assert store.visits.machine_states("job1") == ()


def test_remarks_verifications_and_machine_states_count_with_their_attempt(store: Store) -> None:
    remark = CallRemark(kind=RemarkKind.UNSTEADY, metric="latency_ns", batch_size=1)
    verified = CallsVerified(
        candidate_id="native",
        calls=(VerifiedCalls(metric="latency_ns", batch_size=1, row_count=10, worst_rows=(3, 4)),),
    )
    ended = CandidateEnded(candidate_id="native", outcome=Outcome.OK, remarks=(remark,), thread_count=3)
    state = MachineState(
        machine_class=MachineClass.SHARED, foreign_load_ratio=0.1, steal_ratio=0.0, canary_cv_ratio=0.01
    )
    attempt = begin(store)
    events = [VisitEvent(seq=1, event=verified), VisitEvent(seq=2, event=ended)]
    store.visits.receive(attempt.attempt_key, [*events, *events], job_id="job1")
    before = (
        store.outcomes.remarks("job1"),
        store.outcomes.verifications("job1"),
        store.visits.machine_states("job1"),
    )
    end(store, attempt, VisitEnded(outcome=Outcome.OK, machine=state))

    assert before == ((), (), ())
    ((found,), (checked,)) = (store.outcomes.remarks("job1"), store.outcomes.verifications("job1"))
    assert (found.agent_id, found.candidate_id, found.remarks, found.thread_count) == ("agent1", "native", (remark,), 3)
    assert (checked.agent_id, checked.round_index, checked.verified) == ("agent1", 0, verified)
    assert [one.state for one in store.visits.machine_states("job1")] == [state]
