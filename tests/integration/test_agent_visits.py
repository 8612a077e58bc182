"""Visits on a real agent process: what is measured, what fails, and what goes on."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import psutil
import pytest

from mltest.shared.domain import (
    CandidateEnded,
    Outcome,
    PredictionsStored,
    SampleBatch,
    VisitEnded,
    VisitEvent,
    VisitSpec,
    VisitStarted,
)
from mltest.shared.native.predictions import load_predictions
from mltest.shared.status import ERROR_CODE_KEY, NEXT_STEP_KEY
from tests.hostile.processes import descendants
from tests.integration.agent_peer import (
    LATENCY,
    LIMITS,
    ROWS,
    Files,
    Peer,
    candidate,
    connected,
    long_visit,
    pickled,
    series_of,
    visit,
    write_files,
    write_pickle,
)
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.xdist_group("agent")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    group = ProcessGroup()
    state = tmp_path_factory.mktemp("agent")
    options = ("--port", "0", "--no-advertise", "--allow-pickle", "--name", "lab-1")
    yield group.agent(state, *options, runtimes="scikit-learn,onnxruntime")
    group.end()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
async def peer(agent: Running) -> AsyncIterator[Peer]:
    async with connected(agent.address) as peer:
        yield peer


@pytest.fixture
async def epoch(peer: Peer) -> AsyncIterator[int]:
    epoch = await peer.acquire()
    yield epoch
    await peer.release(await peer.acquire())


@pytest.fixture
async def spec(peer: Peer, files: Files) -> VisitSpec:
    model, data = await peer.upload(files.model), await peer.upload(files.data)
    return visit(data, candidate(model, "a"), candidate(model, "b"))


async def hostile(peer: Peer, folder: Path, code: str) -> str:
    return await peer.upload(write_pickle(folder / "evil.pkl", code))


def ended(events: list[VisitEvent]) -> VisitEnded:
    last = events[-1].event
    assert isinstance(last, VisitEnded)
    return last


def ends(events: list[VisitEvent]) -> dict[str, CandidateEnded]:
    return {event.event.candidate_id: event.event for event in events if isinstance(event.event, CandidateEnded)}


def code_of(call: grpc.aio.AioRpcError) -> str:
    return str(dict(call.trailing_metadata() or ())[ERROR_CODE_KEY])


async def test_a_visit_yields_every_series_of_every_candidate(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    await peer.start(epoch, spec)
    events = await peer.events(spec)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[0].event, VisitStarted)
    assert events[0].event.versions["onnxruntime"]
    assert ended(events).outcome is Outcome.OK
    counts = {"spawn_ns": 1, "import_ns": 1, "load_ns": 1, "first_call_ns": 1, "early_call_ns": 9}
    for metric, count in counts.items():
        found = series_of(events, metric)
        assert [series.candidate_id for series in found] == ["a", "b"], metric
        assert all(len(series.values) == count and min(series.values) > 0 for series in found)
    latency = series_of(events, "latency_ns")
    assert {(s.candidate_id, s.batch_size, s.slice_index) for s in latency} == {
        (name, size, index) for name in "ab" for size in LATENCY.batch_sizes for index in range(LATENCY.slice_count)
    }
    assert len(latency) == 2 * len(LATENCY.batch_sizes) * LATENCY.slice_count
    peaks = series_of(events, "memory_peak_bytes")
    assert all(peak.values[0] >= 20_000_000 for peak in peaks)


async def test_the_end_counts_what_was_sent(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    await peer.start(epoch, spec)
    events = await peer.events(spec)
    series = [one for event in events if isinstance(event.event, SampleBatch) for one in event.event.series]
    last = ended(events)
    assert last.series_count == len(series)
    assert last.value_count == sum(len(one.values) for one in series)
    timed_ns = sum(sum(one.values) for one in series_of(events, "latency_ns"))
    assert last.measuring_ns >= timed_ns


async def test_the_first_slices_alternate_between_candidates(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    await peer.start(epoch, replace(spec, latency=replace(LATENCY, slice_count=8)))
    in_time = sorted(series_of(await peer.events(spec), "latency_ns"), key=lambda one: one.started_monotonic_ns)
    for index in range(8):
        sweep = in_time[4 * index : 4 * index + 4]
        assert {(one.candidate_id, one.batch_size) for one in sweep} == {("a", 1), ("a", 64), ("b", 1), ("b", 64)}
    orders = {tuple((one.candidate_id, one.batch_size) for one in in_time[4 * i : 4 * i + 4]) for i in range(8)}
    assert len(orders) > 1


async def test_slices_do_not_overlap(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    await peer.start(epoch, spec)
    in_time = sorted(series_of(await peer.events(spec), "latency_ns"), key=lambda one: one.started_monotonic_ns)
    for earlier, later in itertools.pairwise(in_time):
        assert earlier.started_monotonic_ns + sum(earlier.values) <= later.started_monotonic_ns


async def test_predictions_for_the_whole_dataset_can_be_fetched(
    peer: Peer, epoch: int, spec: VisitSpec, files: Files, tmp_path: Path
) -> None:
    wanted = replace(spec, collects_predictions=True, latency=None)
    await peer.start(epoch, wanted)
    stored = [e.event for e in await peer.events(wanted) if isinstance(e.event, PredictionsStored)]
    await peer.download(stored[0].sha256, tmp_path / "predictions.npz")
    predictions = load_predictions(tmp_path / "predictions.npz")
    assert [found.candidate_id for found in stored] == ["a", "b"]
    assert predictions.scores is not None
    assert np.allclose(predictions.scores, files.expected, atol=1e-5)


async def test_an_attachment_resumes_behind_any_event(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    await peer.start(epoch, spec)
    events = await peer.events(spec)
    assert await peer.events(spec, from_seq=3) == events[2:]


async def test_starting_the_same_attempt_again_changes_nothing(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    await peer.start(epoch, spec)
    await peer.start(epoch, spec)
    events = await peer.events(spec)
    await peer.start(epoch, spec)
    assert await peer.events(spec) == events


async def test_a_second_visit_is_refused_with_who_holds_the_agent(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    first = long_visit(spec)
    await peer.start(epoch, first)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await peer.start(epoch, replace(spec, visit_id="another"))
    assert code_of(refused.value) == "AGENT_BUSY"
    assert "coordinator holds it" in (refused.value.details() or "")
    assert first.visit_id in (refused.value.details() or "")


async def test_a_newer_attempt_takes_the_place_of_the_one_that_runs(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    first = long_visit(spec)
    await peer.start(epoch, first)
    second = replace(spec, attempt=2)
    await peer.start(epoch, second)
    assert ended(await peer.events(first)).outcome is Outcome.CANCELLED
    assert ended(await peer.events(second)).outcome is Outcome.OK


async def test_the_same_holder_gets_the_lease_back_and_its_visit_goes_on(
    peer: Peer, epoch: int, spec: VisitSpec
) -> None:
    await peer.start(epoch, spec)
    newer = await peer.acquire()
    assert newer > epoch
    assert ended(await peer.events(spec)).outcome is Outcome.OK
    with pytest.raises(grpc.aio.AioRpcError) as fenced:
        await peer.start(epoch, spec)
    assert code_of(fenced.value) == "LEASE_LOST"
    assert fenced.value.code() is grpc.StatusCode.ABORTED


@pytest.mark.promise(37)
async def test_cancelling_ends_the_stream_and_leaves_no_process(
    peer: Peer, epoch: int, spec: VisitSpec, agent: Running
) -> None:
    running = long_visit(spec)
    await peer.start(epoch, running)
    stream = peer.attach(running)
    async for event in stream:
        if isinstance(event.event, SampleBatch) and series_of([event], "latency_ns"):
            break
    async with asyncio.timeout(2.0):
        await peer.cancel(epoch, running)
    last = [event async for event in stream][-1]
    assert ended([last]).outcome is Outcome.CANCELLED
    assert psutil.Process(agent.process.pid).children(recursive=True) == []


async def test_giving_the_lease_back_cancels_the_visit(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    running = long_visit(spec)
    await peer.start(epoch, running)
    await peer.release(epoch)
    assert ended(await peer.events(running)).outcome is Outcome.CANCELLED


async def test_a_worker_that_is_killed_fails_alone_with_the_name_of_the_signal(
    peer: Peer, epoch: int, spec: VisitSpec, agent: Running
) -> None:
    running = replace(spec, latency=replace(LATENCY, slice_count=100, slice_ns=10_000_000))
    await peer.start(epoch, running)
    events = []
    async for event in peer.attach(running):
        events.append(event)
        if len(series_of(events, "null_call_ns")) == 2:
            victim = min(psutil.Process(agent.process.pid).children(), key=lambda child: child.create_time())
            os.kill(victim.pid, signal.SIGKILL)
            break
    found = ends(await peer.events(running))
    assert (found["a"].outcome, found["a"].reason_code) == (Outcome.FAILED, "MODEL_CRASHED")
    assert "SIGKILL" in found["a"].reason
    assert found["b"].outcome is Outcome.OK


async def test_a_crashing_model_is_a_result_with_a_reason(
    peer: Peer, epoch: int, spec: VisitSpec, tmp_path: Path
) -> None:
    evil = await hostile(peer, tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    mixed = replace(spec, candidates=(pickled(evil), spec.candidates[0]))
    await peer.start(epoch, mixed)
    events = await peer.events(mixed)
    found = ends(events)
    assert (found["evil"].outcome, found["evil"].reason_code) == (Outcome.FAILED, "MODEL_CRASHED")
    assert "SIGSEGV" in found["evil"].reason
    assert found["a"].outcome is Outcome.OK
    assert ended(events).outcome is Outcome.OK


@pytest.mark.promise(14)
async def test_a_model_that_hangs_ends_at_its_deadline_and_leaves_nothing(
    agent: Running, peer: Peer, epoch: int, spec: VisitSpec, tmp_path: Path
) -> None:
    code = (
        "import subprocess, time\n"
        "try:\n"
        "    subprocess.Popen(['sleep', '600'], start_new_session=True, env={})\n"
        "except OSError:\n"
        "    time.sleep(600)\n"
    )
    evil = await hostile(peer, tmp_path, code)
    limits = replace(LIMITS, load_timeout_ns=5 * 10**9)
    hanging = replace(spec, candidates=(pickled(evil),), limits=limits)
    await peer.start(epoch, hanging)
    found = ends(await peer.events(hanging))["evil"]
    assert (found.outcome, found.reason_code) == (Outcome.FAILED, "DEADLINE")
    assert descendants(agent.process.pid) == set()


async def test_a_model_over_its_memory_limit_says_so(peer: Peer, epoch: int, spec: VisitSpec, tmp_path: Path) -> None:
    evil = await hostile(peer, tmp_path, "keep = bytearray(6 * 10**9)")
    greedy = replace(spec, candidates=(pickled(evil),))
    await peer.start(epoch, greedy)
    found = ends(await peer.events(greedy))["evil"]
    assert (found.outcome, found.reason_code) == (Outcome.FAILED, "RESOURCE_LIMIT")


async def test_a_visit_over_its_time_fails_as_a_whole(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    slow = replace(long_visit(spec), limits=replace(LIMITS, visit_timeout_ns=3 * 10**9))
    await peer.start(epoch, slow)
    events = await peer.events(slow)
    assert (ended(events).outcome, ended(events).reason_code) == (Outcome.FAILED, "DEADLINE")
    assert {found.reason_code for found in ends(events).values()} == {"DEADLINE"}


async def test_an_unknown_runtime_is_a_result_with_a_reason(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    strange = replace(spec, candidates=(replace(spec.candidates[0], runtime="abacus"),))
    await peer.start(epoch, strange)
    found = ends(await peer.events(strange))["a"]
    assert (found.outcome, found.reason_code) == (Outcome.FAILED, "RUNTIME_MISSING")


async def test_data_of_another_width_is_a_result_with_a_reason(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    wrong = replace(spec, candidates=(replace(spec.candidates[0], feature_count=5),))
    await peer.start(epoch, wrong)
    found = ends(await peer.events(wrong))["a"]
    assert found.outcome is Outcome.FAILED
    assert found.reason_code in {"DATA_MISMATCH", "MODEL_INVALID", "MODEL_UNSUPPORTED"}


async def test_a_batch_larger_than_the_dataset_is_filled_by_repeating_rows(
    peer: Peer, epoch: int, spec: VisitSpec
) -> None:
    large = replace(spec, latency=replace(LATENCY, batch_sizes=(ROWS * 3,)))
    await peer.start(epoch, large)
    assert ended(await peer.events(large)).outcome is Outcome.OK


async def test_a_visit_without_its_blobs_is_refused(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await peer.start(epoch, replace(spec, dataset_sha256="0" * 64))
    assert code_of(refused.value) == "BLOB_UNKNOWN"


async def test_a_visit_that_makes_no_sense_is_refused(peer: Peer, epoch: int, spec: VisitSpec) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await peer.start(epoch, replace(spec, latency=replace(LATENCY, batch_sizes=(0,))))
    assert code_of(refused.value) == "REQUEST_INVALID"
    assert "batch_sizes" in (refused.value.details() or "")


async def test_an_unknown_visit_cannot_be_attached_to(peer: Peer, spec: VisitSpec) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await peer.events(replace(spec, visit_id="nobody"))
    assert code_of(refused.value) == "VISIT_UNKNOWN"


@pytest.mark.promise(31)
async def test_another_holder_is_told_who_has_the_agent_and_what_for(peer: Peer, epoch: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await peer.acquire("somebody else")
    assert code_of(refused.value) == "AGENT_BUSY"
    text = str(refused.value.details())
    assert text.startswith("Agent lab-1 is busy: leased by coordinator (a test) for another ")
    assert text.endswith(" s, longer if it renews; you are number 1 of 1 in line.")
    assert dict(refused.value.trailing_metadata() or ())[NEXT_STEP_KEY]
    await peer.release(epoch)
    await peer.release(await peer.acquire("somebody else"))


FORGED_ANSWERS = {
    "no object": "[]",
    "deep": "[" * 100_000,
    "negative": '{"ok": {"started_monotonic_ns": 0, "import_ns": -1, "load_ns": 1, "memory_loaded_bytes": 1}}',
    "control characters": '{"error": {"code": "MODEL_INVALID", "message": "\\\\ud800 \\\\u001b[31m"}}',
}


@pytest.mark.parametrize("answer", FORGED_ANSWERS.values(), ids=FORGED_ANSWERS.keys())
async def test_a_model_that_forges_answers_fails_alone(
    peer: Peer, epoch: int, spec: VisitSpec, tmp_path: Path, answer: str
) -> None:
    # The worker's own pipe is one of the descriptors that the model's code can write to.
    code = (
        "import os, stat\n"
        "for number in range(3, 64):\n"
        "    try:\n"
        "        if stat.S_ISFIFO(os.fstat(number).st_mode) or stat.S_ISSOCK(os.fstat(number).st_mode):\n"
        f"            os.write(number, b'''{answer}''' + bytes([10]))\n"
        "    except OSError:\n"
        "        pass\n"
    )
    evil = await hostile(peer, tmp_path, code)
    mixed = replace(spec, candidates=(pickled(evil), spec.candidates[0]))
    await peer.start(epoch, mixed)
    events = await peer.events(mixed)
    found = ends(events)
    assert found["evil"].outcome is Outcome.FAILED
    assert found["evil"].reason_code in {"MODEL_CRASHED", "MODEL_INVALID"}
    assert found["evil"].reason.isprintable()
    assert found["a"].outcome is Outcome.OK
    assert ended(events).outcome is Outcome.OK
