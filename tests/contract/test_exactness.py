"""What the kill loops look for is found when it is there: lost, doubled and overlapping measurements."""

import asyncio
from pathlib import Path

import pytest

from mltest.coordinator.store import Store
from mltest.shared.domain import JobState, SampleBatch, VisitEvent
from tests.contract.stored import LOST, OK, add_job, end, series, visit_spec
from tests.system.chaos.exactness import Expected, attempt_count, faults_of, is_intact, overlaps

EXPECTED = Expected(agent_count=1, round_count=2, slice_count=2, candidate_count=1)


def slices(begin_ns: int, *indices: int) -> list[VisitEvent]:
    found = [series(5, slice_index=index, started_monotonic_ns=begin_ns + 10 * index) for index in indices]
    return [VisitEvent(seq=1, event=SampleBatch(series=tuple(found)))]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    add_job(store)
    store.visits.plan("job1", [("agent1", visit_spec(f"visit{number}", number)) for number in range(2)])
    return store


def measured(store: Store, visit_id: str, *indices: int, begin_ns: int, is_good: bool = True) -> None:
    attempt = store.visits.begin_attempt(visit_id)
    store.visits.receive(attempt.attempt_key, slices(begin_ns, *indices), job_id="job1")
    end(store, attempt, OK if is_good else LOST, ends_visit=is_good)


def faults(store: Store, folder: Path) -> list[str]:
    store.jobs.set_state("job1", JobState.DONE)
    store.close()
    return asyncio.run(faults_of(folder, "job1", EXPECTED))


def test_an_exact_job_has_no_fault(store: Store, tmp_path: Path) -> None:
    measured(store, "visit0", 0, 1, begin_ns=100, is_good=False)
    measured(store, "visit0", 0, 1, begin_ns=200)
    measured(store, "visit1", 0, 1, begin_ns=300)
    assert faults(store, tmp_path) == []
    assert overlaps(tmp_path) == []
    assert (attempt_count(tmp_path), is_intact(tmp_path)) == (3, True)


def test_a_lost_slice_is_found(store: Store, tmp_path: Path) -> None:
    measured(store, "visit0", 0, 1, begin_ns=100)
    measured(store, "visit1", 1, begin_ns=200)
    assert "has 1 slices" in "".join(faults(store, tmp_path))


def test_a_doubled_slice_is_found(store: Store, tmp_path: Path) -> None:
    measured(store, "visit0", 0, 1, begin_ns=100)
    measured(store, "visit1", 0, 1, 1, begin_ns=200)
    assert "was stored 2 times" in "".join(faults(store, tmp_path))


def test_a_round_that_counts_twice_is_found(store: Store, tmp_path: Path) -> None:
    measured(store, "visit0", 0, 1, begin_ns=100)
    measured(store, "visit0", 0, 1, begin_ns=200)
    measured(store, "visit1", 0, 1, begin_ns=300)
    assert "counts 2 times" in "".join(faults(store, tmp_path))


def test_a_missing_round_is_found(store: Store, tmp_path: Path) -> None:
    measured(store, "visit0", 0, 1, begin_ns=100)
    assert "1 rounds count" in "".join(faults(store, tmp_path))


def test_visits_at_the_same_time_are_found_also_if_one_broke(store: Store, tmp_path: Path) -> None:
    measured(store, "visit0", 0, 1, begin_ns=100, is_good=False)
    measured(store, "visit0", 0, 1, begin_ns=105)
    store.close()
    assert len(overlaps(tmp_path)) == 1
