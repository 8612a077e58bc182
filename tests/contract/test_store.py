"""What every store has to do with jobs and with what they found out."""

import pytest

from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.store import CachedArtifact, CandidateOutcome, InspectedFiles, Store
from mltest.shared.domain import (
    AgentInfo,
    Candidate,
    HostInfo,
    JobNote,
    JobState,
    JobStateChanged,
    Result,
    Standing,
    StandingRow,
    Standings,
)
from mltest.shared.errors import JobUnknownError
from tests.contract.stored import DATASET, MODEL, NATIVE, OTHER, SPEC, add_job


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
