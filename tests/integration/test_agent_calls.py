"""Forms of a call in real workers: what is timed, what is verified first, and what is said of it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from mltest.agent.worker.form import METRICS
from mltest.shared.domain import (
    CallRemark,
    CallsVerified,
    CandidateEnded,
    Outcome,
    Output,
    RemarkKind,
    SampleSeries,
    VerifiedCalls,
    VisitCandidate,
    VisitEnded,
    VisitEvent,
    VisitSpec,
)
from tests.integration.agent_peer import (
    FEATURES,
    LATENCY,
    ROWS,
    Files,
    Peer,
    candidate,
    connected,
    pickled,
    series_of,
    visit,
    write_estimator,
    write_files,
)
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.xdist_group("agent-calls")

RUNTIMES = "scikit-learn,onnxruntime"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    group = ProcessGroup()
    state = tmp_path_factory.mktemp("agent")
    yield group.agent(state, "--port", "0", "--no-advertise", "--allow-pickle", "--name", "lab-1", runtimes=RUNTIMES)
    group.end()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("files"))


@dataclass(frozen=True, slots=True)
class Bench:
    """An agent with a dataset and a lease."""

    peer: Peer
    epoch: int
    data: str
    folder: Path
    graph: str
    """Blob of a model that its runtime loads fast, for tests in which the model does not matter."""

    async def estimator(self, code: str, name: str = "model") -> VisitCandidate:
        return pickled(await self.peer.upload(write_estimator(self.folder / "model.pkl", code)), name)

    async def run(self, spec: VisitSpec) -> list[VisitEvent]:
        await self.peer.start(self.epoch, spec)
        return await self.peer.events(spec)

    async def end(self, *candidates: VisitCandidate) -> CandidateEnded:
        """Return how the first candidate ended."""
        return end_of(await self.run(visit(self.data, *candidates)), candidates[0].candidate_id)

    async def verified(self, code: str, output: Output = Output.PROBABILITIES) -> dict[int, VerifiedCalls]:
        """Return what was found by batch size."""
        liar = replace(await self.estimator(code), output=output)
        events = await self.run(replace(visit(self.data, liar), verifies_calls=True))
        assert end_of(events, "model").outcome is Outcome.OK
        return {calls.batch_size: calls for calls in verified_in(events)}


@pytest.fixture
async def bench(agent: Running, files: Files, tmp_path: Path) -> AsyncIterator[Bench]:
    async with connected(agent.address) as peer:
        epoch = await peer.acquire()
        yield Bench(peer, epoch, await peer.upload(files.data), tmp_path, await peer.upload(files.model))
        await peer.release(await peer.acquire())


def end_of(events: list[VisitEvent], candidate_id: str) -> CandidateEnded:
    found = [event.event for event in events if isinstance(event.event, CandidateEnded)]
    return next(end for end in found if end.candidate_id == candidate_id)


def verified_in(events: list[VisitEvent]) -> tuple[VerifiedCalls, ...]:
    return next(event.event.calls for event in events if isinstance(event.event, CallsVerified))


def cells_of(series: list[SampleSeries]) -> set[tuple[str, int]]:
    return {(one.metric, one.batch_size) for one in series}


def timed(events: list[VisitEvent]) -> list[SampleSeries]:
    return [series for metric in METRICS for series in series_of(events, metric)]


def of_kind(end: CandidateEnded, kind: RemarkKind) -> list[CallRemark]:
    return [remark for remark in end.remarks if remark.kind is kind]


async def test_each_form_that_a_runtime_has_is_timed(bench: Bench) -> None:
    forms = ("latency_ns", "lean_latency_ns", "conversion_ns")
    spec = visit(bench.data, candidate(bench.graph, "a"), replace(candidate(bench.graph, "b"), batch_sizes=(64,)))
    events = await bench.run(replace(spec, latency=replace(LATENCY, metrics=forms)))
    series = timed(events)
    assert [end_of(events, name).reason for name in ("a", "b")] == ["", ""]
    assert cells_of([one for one in series if one.candidate_id == "a"]) == {
        (f, size) for f in forms for size in (1, 64)
    }
    assert cells_of([one for one in series if one.candidate_id == "b"]) == {(form, 64) for form in forms}
    assert len(series) == (6 + 3) * LATENCY.slice_count
    assert all(min(one.values) > 0 for one in series)


async def test_a_form_that_a_runtime_has_not_is_a_remark(bench: Bench) -> None:
    model = await bench.estimator("pass")
    spec = replace(visit(bench.data, model), latency=replace(LATENCY, metrics=METRICS))
    events = await bench.run(spec)
    end = end_of(events, "model")
    assert end.outcome is Outcome.OK
    (remark,) = of_kind(end, RemarkKind.ABSENT)
    assert (remark.metric, remark.batch_size) == ("native_latency_ns", 0)
    assert "scikit-learn has no C interface" in remark.text
    others = set(METRICS) - {"native_latency_ns"}
    assert cells_of(timed(events)) == {(form, size) for form in others for size in (1, 64)}


async def test_a_slice_has_as_many_values_as_are_wanted(bench: Bench) -> None:
    spec = visit(bench.data, candidate(bench.graph, "a"))
    events = await bench.run(replace(spec, latency=replace(LATENCY, slice_values=7, slice_ns=5_000_000)))
    assert {len(one.values) for one in timed(events)} <= set(range(1, 8))


async def test_calls_that_answer_the_same_differ_nowhere(bench: Bench) -> None:
    spec = replace(visit(bench.data, candidate(bench.graph, "a")), verifies_calls=True)
    events = await bench.run(replace(spec, latency=replace(LATENCY, metrics=("latency_ns", "lean_latency_ns"))))
    found = verified_in(events)
    assert {(calls.metric, calls.batch_size) for calls in found} == {
        (form, size) for form in ("latency_ns", "lean_latency_ns") for size in (1, 64)
    }
    assert all((calls.row_count, calls.differing_row_count) == (ROWS, 0) for calls in found)
    assert max(calls.max_abs_difference for calls in found) < 1e-6


async def test_calls_are_verified_before_any_of_them_is_timed(bench: Bench) -> None:
    events = await bench.run(replace(visit(bench.data, candidate(bench.graph, "a")), verifies_calls=True))
    verified = next(event.seq for event in events if isinstance(event.event, CallsVerified))
    assert all(event.seq < verified for event in events if series_of([event], "first_call_ns"))
    assert all(event.seq > verified for event in events if series_of([event], "latency_ns"))


async def test_a_call_that_answers_differently_at_one_batch_size_is_found(bench: Bench) -> None:
    found = await bench.verified(
        "def predict_proba(self, X):\n"
        "    scores = super().predict_proba(X)\n"
        "    return scores[:, [1, 0, 2]] if len(X) == 1 else scores\n"
    )
    assert found[64].differing_row_count == 0
    assert found[64].max_abs_difference < 1e-12
    assert found[1].differing_row_count > ROWS / 3
    assert len(found[1].worst_rows) == 5


async def test_a_shift_in_one_row_of_a_batch_is_found(bench: Bench) -> None:
    found = await bench.verified(
        "def predict_proba(self, X):\n"
        "    scores = super().predict_proba(X)\n"
        "    if len(X) == 64:\n"
        "        scores[3, 0] += 1e-4\n"
        "    return scores\n"
    )
    assert found[1].max_abs_difference < 1e-12
    assert found[64].max_abs_difference == pytest.approx(1e-4, rel=1e-6)
    assert found[64].worst_rows[0] % 64 == 3


async def test_one_flipped_label_is_found(bench: Bench) -> None:
    found = await bench.verified(
        "def predict(self, X):\n"
        "    labels = super().predict(X)\n"
        "    if len(X) == 64 and abs(X[0, 0] - self.first) < 1e-12:\n"
        "        labels[5] = (labels[5] + 1) % 3\n"
        "    return labels\n"
        f"first = {float(np.random.default_rng(0).normal(size=(ROWS, FEATURES))[128, 0])!r}\n",
        Output.LABELS,
    )
    assert (found[1].differing_row_count, found[1].row_count) == (0, ROWS)
    assert (found[64].differing_row_count, found[64].worst_rows) == (1, (133,))


async def test_an_answer_that_is_no_number_is_found(bench: Bench) -> None:
    found = await bench.verified(
        "def predict_proba(self, X):\n"
        "    scores = super().predict_proba(X)\n"
        "    return scores * np.nan if len(X) == 64 else scores\n"
    )
    assert found[64].differing_row_count == ROWS
    assert 1e300 < found[64].max_abs_difference < float("inf")


async def test_copies_of_one_row_are_remarked_however_many(bench: Bench) -> None:
    np.savez(bench.folder / "copies.npz", X=np.ones((10_000, FEATURES)))
    data = await bench.peer.upload(bench.folder / "copies.npz")
    events = await bench.run(visit(data, candidate(bench.graph, "a")))
    (remark,) = of_kind(end_of(events, "a"), RemarkKind.FEW_ROWS)
    assert "only 1 distinct rows" in remark.text
    last = events[-1].event
    assert isinstance(last, VisitEnded)
    assert remark.text in last.notes


async def test_enough_distinct_rows_are_not_remarked(bench: Bench) -> None:
    assert of_kind(await bench.end(candidate(bench.graph, "a")), RemarkKind.FEW_ROWS) == []


async def test_calls_too_short_to_be_timed_alone_are_timed_together(bench: Bench) -> None:
    model = await bench.estimator(
        "def predict_proba(self, X, made={1: np.ones((1, 3)), 64: np.ones((64, 3))}):\n    return made.get(len(X))\n"
    )
    events = await bench.run(visit(bench.data, model))
    remarks = of_kind(end_of(events, "model"), RemarkKind.BATCHED)
    assert {(remark.metric, remark.batch_size) for remark in remarks} == {("latency_ns", 1), ("latency_ns", 64)}
    assert all(one.calls_per_value > 1 for one in timed(events))


async def test_usual_calls_are_timed_one_by_one(bench: Bench) -> None:
    events = await bench.run(visit(bench.data, await bench.estimator("pass")))
    assert {one.calls_per_value for one in timed(events)} == {1}
    assert of_kind(end_of(events, "model"), RemarkKind.BATCHED) == []


async def test_calls_that_get_slower_and_slower_are_remarked_and_timed(bench: Bench) -> None:
    model = await bench.estimator(
        "calls = 0\n"
        "def predict_proba(self, X):\n"
        "    Model.calls += 1\n"
        "    end_ns = time.perf_counter_ns() + 20_000 * Model.calls\n"
        "    while time.perf_counter_ns() < end_ns:\n"
        "        pass\n"
        "    return np.full((len(X), 3), 1 / 3)\n"
    )
    spec = visit(bench.data, model)
    # A first stage of a hundred calls, of which the last third is longer than the first by far.
    events = await bench.run(replace(spec, latency=replace(LATENCY, batch_sizes=(1,), warmup_ns=10_000_000)))
    end = end_of(events, "model")
    assert [remark.batch_size for remark in of_kind(end, RemarkKind.UNSTEADY)] == [1]
    assert len(timed(events)) == LATENCY.slice_count


async def test_a_model_that_works_on_threads_of_its_own_fails_with_how_many(bench: Bench) -> None:
    model = await bench.estimator(
        "def predict_proba(self, X):\n"
        "    if not hasattr(Model, 'thread'):\n"
        "        Model.thread = threading.Thread(target=Model.work, daemon=True)\n"
        "        Model.thread.start()\n"
        "    return super().predict_proba(X)\n"
        "def work():\n"
        "    while True:\n"
        "        np.linalg.norm(np.ones(100_000))\n"
    )
    end = await bench.end(model)
    assert (end.outcome, end.reason_code, end.thread_count) == (Outcome.FAILED, "THREADS_EXCEEDED", 2)
    assert "2 threads work, 1 are possible" in end.reason


async def test_the_state_of_the_machine_comes_with_timed_slices(bench: Bench) -> None:
    model = candidate(bench.graph, "a")
    last = (await bench.run(visit(bench.data, model)))[-1].event
    assert isinstance(last, VisitEnded)
    assert last.machine is not None
    untimed = (await bench.run(replace(visit(bench.data, model), latency=None)))[-1].event
    assert isinstance(untimed, VisitEnded)
    assert untimed.machine is None
