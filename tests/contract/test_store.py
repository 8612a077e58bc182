"""What every store has to do; each test opens the real file."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.store import CachedArtifact, CandidateOutcome, InspectedFiles, Store, StoredAttempt
from mltest.shared.domain import (
    AgentInfo,
    Candidate,
    CandidateEnded,
    DatasetInfo,
    FileRef,
    HostInfo,
    JobNote,
    JobSpec,
    JobState,
    JobStateChanged,
    Limits,
    ModelInfo,
    Outcome,
    Output,
    PredictionsStored,
    Result,
    SampleBatch,
    SampleSeries,
    Standing,
    StandingRow,
    Standings,
    Task,
    VisitCandidate,
    VisitEnded,
    VisitEvent,
    VisitSpec,
    VisitStarted,
)
from mltest.shared.errors import DiskFullError, JobUnknownError

SPEC = JobSpec(model=FileRef(name="forest.skops", sha256="a" * 64), data=(FileRef(name="digits.npz", sha256="b" * 64),))
MODEL = ModelInfo(
    format="skops",
    family="forest",
    kind="RandomForestClassifier",
    task=Task.CLASSIFICATION,
    output=Output.PROBABILITIES,
    feature_count=64,
    classes=("0", "1"),
    size_bytes=1000,
)
DATASET = DatasetInfo(
    row_count=10, source_row_count=10, feature_count=64, dtype="float64", has_target=True, sha256="c" * 64
)
NATIVE = Candidate(
    candidate_id="native", label="scikit-learn", runtime="scikit-learn", format="skops", is_baseline=True
)
OTHER = Candidate(candidate_id="other", label="onnxruntime", runtime="onnxruntime", format="onnx")
OK = VisitEnded(outcome=Outcome.OK, measuring_ns=5)
LOST = VisitEnded(outcome=Outcome.FAILED, reason_code="AGENT_UNREACHABLE", reason="it is gone")
NEWS = JobNote(text="an attempt ended")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    store = Store(folder)
    yield store
    store.close()


def add_job(store: Store, job_id: str = "job1") -> str:
    return store.jobs.add(job_id, SPEC)


def visit_spec(visit_id: str = "visit1", round_index: int = 0) -> VisitSpec:
    candidate = VisitCandidate(
        candidate_id="native",
        runtime="scikit-learn",
        format="skops",
        artifact_sha256="d" * 64,
        task=Task.CLASSIFICATION,
        output=Output.PROBABILITIES,
        feature_count=64,
        input_dtype="float64",
    )
    return VisitSpec(
        visit_id=visit_id,
        attempt=1,
        job_id="job1",
        round_index=round_index,
        seed=2**63 + 1,
        dataset_sha256="c" * 64,
        candidates=(candidate,),
        limits=Limits(load_timeout_ns=1, step_timeout_ns=1, visit_timeout_ns=1, memory_bytes=1),
    )


def samples(seq: int, *values: int, slice_index: int = 0) -> VisitEvent:
    series = SampleSeries(
        candidate_id="native",
        metric="latency_ns",
        batch_size=1,
        slice_index=slice_index,
        started_monotonic_ns=7,
        values=values,
    )
    return VisitEvent(seq=seq, event=SampleBatch(series=(series,)))


def begin(store: Store) -> StoredAttempt:
    add_job(store)
    store.visits.plan("job1", [("agent1", visit_spec())])
    return store.visits.begin_attempt("visit1")


def end(store: Store, attempt: StoredAttempt, ended: VisitEnded, *, ends_visit: bool = True) -> None:
    store.visits.end_attempt(attempt, ended, ends_visit=ends_visit, job_id="job1", news=NEWS)


def test_a_job_is_found_by_a_prefix_that_fits_only_it(store: Store) -> None:
    add_job(store, "ab12")
    add_job(store, "ab34")

    assert store.jobs.get("ab1").job_id == "ab12"
    for prefix in ("ab", "x", "", "ab%", "__12"):
        with pytest.raises(JobUnknownError):
            store.jobs.get(prefix)


def test_the_same_request_key_gives_the_same_job(store: Store) -> None:
    first = store.jobs.add("job1", SPEC, request_key="mine")
    again = store.jobs.add("job2", SPEC, request_key="mine")
    keyless = [store.jobs.add(f"keyless{number}", SPEC) for number in range(2)]

    assert first == again == "job1"
    assert keyless == ["keyless0", "keyless1"]


def test_jobs_are_listed_newest_first(store: Store) -> None:
    for number in range(5):
        add_job(store, f"job{number}")

    assert [job.job_id for job in store.jobs.newest(3)] == ["job4", "job3", "job2"]


def test_a_state_change_is_an_event_and_ends_the_job_only_where_it_stands_still(store: Store) -> None:
    add_job(store)
    store.jobs.set_state("job1", JobState.RUNNING)
    running = store.jobs.get("job1")
    store.jobs.set_state("job1", JobState.FAILED, reason_code="NO_AGENT", reason="nobody is there")
    failed = store.jobs.get("job1")

    assert running.ended_unix_ns is None
    assert failed.ended_unix_ns is not None
    assert (failed.reason_code, failed.reason) == ("NO_AGENT", "nobody is there")
    states = [event.event for event in store.jobs.events("job1", 1)]
    assert [event.state for event in states if isinstance(event, JobStateChanged)] == [
        JobState.QUEUED,
        JobState.RUNNING,
        JobState.FAILED,
    ]


def test_events_of_each_job_are_numbered_without_gaps(store: Store) -> None:
    add_job(store, "job1")
    add_job(store, "job2")
    for number in range(700):
        store.jobs.append_events(f"job{number % 2 + 1}", JobNote(text=str(number)))

    seqs: list[int] = []
    while events := store.jobs.events("job1", len(seqs) + 1):
        seqs += [event.seq for event in events]
    assert seqs == list(range(1, 352))


def test_unfinished_jobs_are_those_that_wait_or_run(store: Store) -> None:
    for state in JobState:
        if state is not JobState.UNSPECIFIED:
            add_job(store, state.value)
            store.jobs.set_state(state.value, state)

    assert [job.job_id for job in store.jobs.unfinished()] == ["queued", "running"]


def test_candidates_keep_their_order_when_one_is_replaced(store: Store) -> None:
    add_job(store)
    store.jobs.put_candidates("job1", [NATIVE, OTHER])
    made = Candidate(
        candidate_id="native", label="made", runtime="scikit-learn", format="skops", options={"a": "b"}, threads=2
    )
    store.jobs.put_candidates("job1", [made])

    assert store.jobs.candidates("job1") == (made, OTHER)


def test_an_inspection_is_kept(store: Store) -> None:
    add_job(store)
    before = store.jobs.inspected_files("job1")
    files = InspectedFiles(reference_sha256="e" * 64, versions={"numpy": "2.0"})
    store.jobs.set_inspection("job1", MODEL, DATASET, files)

    assert before is None
    assert store.jobs.inspected_files("job1") == files
    job = store.jobs.get("job1")
    assert (job.model, job.dataset) == (MODEL, DATASET)


def test_everything_survives_reopening(store: Store, folder: Path) -> None:
    attempt = begin(store)
    started = VisitStarted(visit_id="visit1", attempt=1, agent_id="agent1", started_unix_ns=3, versions={"a": "1"})
    events = [VisitEvent(seq=1, event=started), samples(2, 1, 2, 3), VisitEvent(seq=3, event=OK)]
    store.visits.receive(attempt.attempt_key, events, job_id="job1")
    end(store, attempt, OK)
    coordinator_id = store.coordinator_id()
    store.close()

    again = Store(folder)
    try:
        (found,) = again.visits.attempts("job1")
        assert (found.last_seq, found.outcome, found.started, found.ended) == (3, Outcome.OK, started, OK)
        assert [series.series.values for series in again.visits.series("job1")] == [(1, 2, 3)]
        assert again.jobs.get("job1").spec == SPEC
        assert again.coordinator_id() == coordinator_id
        assert again.is_intact()
    finally:
        again.close()


@pytest.mark.parametrize("values", [(), (0,), (2**32 - 1,), (2**32,), (1, 2**64 - 1, 3)])
def test_values_come_back_as_they_were(store: Store, values: tuple[int, ...]) -> None:
    attempt = begin(store)
    store.visits.receive(attempt.attempt_key, [samples(1, *values)], job_id="job1")
    end(store, attempt, OK)

    (found,) = store.visits.series("job1")
    assert found.series.values == values
    assert (found.agent_id, found.round_index, found.series.started_monotonic_ns) == ("agent1", 0, 7)


def test_an_event_that_arrives_twice_counts_once(store: Store) -> None:
    attempt = begin(store)
    for _ in range(2):
        store.visits.receive(attempt.attempt_key, [samples(1, 5), samples(2, 6)], job_id="job1")
    end(store, attempt, OK)

    assert [found.series.values for found in store.visits.series("job1")] == [(5,), (6,)]


def test_a_large_number_of_series_is_read_in_the_order_in_which_it_was_stored(store: Store) -> None:
    attempt = begin(store)
    events = [samples(number, number, slice_index=number) for number in range(1, 1302)]
    store.visits.receive(attempt.attempt_key, events, job_id="job1")
    end(store, attempt, OK)

    assert [found.series.values for found in store.visits.series("job1")] == [(number,) for number in range(1, 1302)]


def test_only_the_attempt_that_ended_well_counts(store: Store) -> None:
    broken = begin(store)
    store.visits.receive(broken.attempt_key, [samples(1, 100)], job_id="job1")
    end(store, broken, LOST, ends_visit=False)
    second = store.visits.begin_attempt("visit1")
    store.visits.receive(second.attempt_key, [samples(1, 7)], job_id="job1")
    before = list(store.visits.series("job1"))
    end(store, second, OK)

    assert (broken.attempt, second.attempt) == (1, 2)
    assert before == []
    assert [found.series.values for found in store.visits.series("job1")] == [(7,)]
    assert [attempt.outcome for attempt in store.visits.attempts("job1")] == [Outcome.FAILED, Outcome.OK]
    assert store.visits.of_job("job1")[0].outcome is Outcome.OK


def test_ends_and_predictions_of_candidates_count_with_their_attempt(store: Store) -> None:
    attempt = begin(store)
    failed = CandidateEnded(candidate_id="native", outcome=Outcome.FAILED, reason_code="DEADLINE", reason="slow")
    stored = PredictionsStored(candidate_id="native", sha256="f" * 64, size_bytes=9)
    events = [VisitEvent(seq=1, event=stored), VisitEvent(seq=2, event=failed)]
    store.visits.receive(attempt.attempt_key, events, job_id="job1")
    before = (store.outcomes.of_job("job1"), store.outcomes.predictions("job1"))
    end(store, attempt, OK)

    assert before == ((), ())
    assert [(found.candidate_id, found.reason) for found in store.outcomes.of_job("job1")] == [("native", "slow")]
    assert [found.sha256 for found in store.outcomes.predictions("job1")] == ["f" * 64]


def test_progress_is_told_in_the_same_commit_as_the_samples(store: Store) -> None:
    attempt = begin(store)
    store.visits.receive(attempt.attempt_key, [samples(1, 5)], job_id="job1", news=[JobNote(text="half")])

    assert store.jobs.events("job1", 2)[0].event == JobNote(text="half")


def test_visits_that_ended_well_stay_when_a_job_is_planned_again(store: Store) -> None:
    add_job(store)
    specs = [visit_spec(f"visit{number}", number) for number in range(4)]
    store.visits.plan("job1", [("agent1", spec) for spec in specs])
    end(store, store.visits.begin_attempt("visit0"), OK)
    end(store, store.visits.begin_attempt("visit1"), LOST)
    store.visits.begin_attempt("visit2")
    store.visits.end_open_attempts("job1", reason_code="VISIT_INTERRUPTED", reason="the job ended")
    store.visits.plan("job1", [("agent1", specs[0]), ("agent1", specs[1]), ("agent2", visit_spec("new", 0))])

    outcomes = {visit.spec.visit_id: visit.outcome for visit in store.visits.of_job("job1")}
    assert outcomes == {"visit0": Outcome.OK, "visit1": None, "visit2": Outcome.CANCELLED, "new": None}
    job = store.jobs.get("job1")
    assert (job.visits_done, job.visits_total) == (2, 4)


def test_a_cached_artifact_is_found_by_its_recipe(store: Store) -> None:
    made = CachedArtifact(sha256="a" * 64, size_bytes=5, input_dtype="float32", options={"x": "1"})
    before = store.artifacts.get("key")
    store.artifacts.put("key", made)
    store.artifacts.put("key", made)

    assert before is None
    assert store.artifacts.get("key") == made


def test_agents_are_remembered_with_their_last_address(store: Store) -> None:
    host = HostInfo(architecture="x86_64", cpu_model="", logical_cores=2, memory_bytes=1, os="", kernel="")
    agent = AgentInfo(
        agent_id="1", name="lab", protocol_version=1, min_protocol_version=1, software_version="1", host=host
    )
    store.agents.put("old:1", agent)
    store.agents.put("new:1", agent)

    (known,) = store.agents.known()
    assert (known.address, known.agent, known.is_alive, known.source) == ("new:1", agent, False, "known")
    assert known.last_seen_unix_ns is not None


def test_outcomes_and_the_conclusion_are_kept_and_replaced(store: Store) -> None:
    add_job(store)
    mismatch = CandidateOutcome(
        agent_id="agent1", candidate_id="other", round_index=None, outcome=None, reason_code="X", reason="no"
    )
    result = Result(candidate_id="native", test="size", metric="artifact_bytes", value=5.0)
    evaluation = Evaluation(candidate_id="native", agent_id="agent1", results=(result,), gate_reason="")
    standings = Standings(rows=(StandingRow(candidate_id="native", label="n", standing=Standing.RANKED, rank=1),))
    nothing = store.outcomes.conclusion("job1")
    for _ in range(2):
        store.outcomes.set_mismatches("job1", [mismatch])
        store.outcomes.put_evaluations("job1", [evaluation])
        store.outcomes.conclude("job1", [result, result], standings)

    assert nothing == ((), Standings())
    assert store.outcomes.of_job("job1") == (mismatch,)
    assert store.outcomes.evaluations("job1") == (evaluation,)
    assert store.outcomes.conclusion("job1") == ((result, result), standings)


_WRITER = """
import sys
from pathlib import Path
from mltest.coordinator.store import Store
from mltest.shared.domain import JobNote
store = Store(Path(sys.argv[1]))
for number in range(100):
    store.jobs.append_events("job1", JobNote(text=sys.argv[2]))
store.close()
"""


def test_processes_that_write_at_the_same_time_lose_nothing(store: Store, folder: Path) -> None:
    add_job(store)
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(folder), name]) for name in ("a", "b")]
    for _ in range(100):
        store.jobs.append_events("job1", JobNote(text="here"))
    statuses = [writer.wait(timeout=60) for writer in writers]

    assert statuses == [0, 0]
    events = store.jobs.events("job1", 1)
    assert [event.seq for event in events] == list(range(1, 302))


def test_processes_that_open_a_new_store_at_the_same_time_migrate_it_once(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from mltest.coordinator.store import Store; Store(Path(sys.argv[1]))"
    )
    openers = [subprocess.Popen([sys.executable, "-c", script, str(folder)]) for _ in range(3)]

    assert [opener.wait(timeout=60) for opener in openers] == [0, 0, 0]


def test_rows_are_durable_when_a_call_returns(folder: Path) -> None:
    store = Store(folder)
    add_job(store)
    connection = store.jobs._database._connection

    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs a small file system: run as root (sudo .venv/bin/pytest tests/contract/test_store.py)")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount: run where mount(8) of a tmpfs works")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_an_error_that_loses_nothing_and_passes(small_disk: Path) -> None:
    store = Store(small_disk)
    attempt = begin(store)
    values = tuple(range(20_000))
    acknowledged = 0
    with pytest.raises(DiskFullError):
        for seq in range(1, 1000):
            store.visits.receive(attempt.attempt_key, [samples(seq, *values)], job_id="job1")
            acknowledged = seq

    assert acknowledged > 0
    assert store.is_intact()
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    store.visits.receive(attempt.attempt_key, [samples(acknowledged + 1, *values)], job_id="job1")
    end(store, attempt, OK)
    assert sum(1 for _ in store.visits.series("job1")) == acknowledged + 1
    store.close()


def test_a_reader_from_outside_can_open_the_file(store: Store, folder: Path) -> None:
    add_job(store)
    with sqlite3.connect(f"file:{folder / 'store.sqlite'}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT job_id FROM job").fetchall() == [("job1",)]
    connection.close()
