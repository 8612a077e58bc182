"""Candidates that come as C source, on a real agent process: compiled there, called in every form."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mltest.agent.worker.form import LEAN_CALL, NATIVE_CALL, PYTHON_CALL
from mltest.shared.domain import (
    CandidateEnded,
    Outcome,
    PredictionsStored,
    VisitCandidate,
    VisitEvent,
    VisitSpec,
)
from mltest.shared.native.predictions import load_predictions
from tests.integration.agent_peer import LATENCY, Files, Peer, candidate, connected, series_of, visit, write_files
from tests.processes import ProcessGroup, Running

pytestmark = [
    pytest.mark.xdist_group("agent"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here; apt install gcc"),
]

# Three classes: the class is that of the largest of the first three features, by weights that are no shares.
HONEST = """
#include <stddef.h>
#include <stdint.h>
void mltest_predict(const float *rows, size_t row_count, double *out);
void mltest_predict(const float *rows, size_t row_count, double *out) {
    for (size_t row = 0; row < row_count; row++)
        for (size_t i = 0; i < 3; i++)
            out[row * 3 + i] = 0.25 * (double)rows[row * 4 + i];
}
const uint32_t mltest_abi = 1, mltest_feature_count = 4, mltest_output_count = 3;
const char mltest_input_type[] = "float32", mltest_output_type[] = "float64";
"""
CXX = """
#include <cstddef>
#include <cstdint>
namespace { template <typename T> double quarter(T x) { return 0.25 * static_cast<double>(x); } }
extern "C" void mltest_predict(const float *rows, std::size_t row_count, double *out) {
    for (std::size_t row = 0; row < row_count; row++)
        for (std::size_t i = 0; i < 3; i++)
            out[row * 3 + i] = quarter(rows[row * 4 + i]);
}
extern "C" const std::uint32_t mltest_abi = 1;
extern "C" const std::uint32_t mltest_feature_count = 4;
extern "C" const std::uint32_t mltest_output_count = 3;
extern "C" const char mltest_input_type[] = "float32";
extern "C" const char mltest_output_type[] = "float64";
"""
FOREIGN = HONEST.replace("mltest_abi = 1", "mltest_abi = 2")
CRASHING = HONEST.replace("for (size_t row", "*(volatile int *)0 = 1; for (size_t row")
METRICS = (PYTHON_CALL, LEAN_CALL, NATIVE_CALL)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    group = ProcessGroup()
    yield group.agent(
        tmp_path_factory.mktemp("agent"), "--port", "0", "--no-advertise", "--name", "lab-1", runtimes="c,fastinference"
    )
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


async def source(peer: Peer, folder: Path, name: str, text: str) -> VisitCandidate:
    path = folder / f"{name}.c"
    path.write_text(text)
    return replace(candidate(await peer.upload(path), name), runtime="c", format="c-source", input_dtype="float32")


async def visited(peer: Peer, epoch: int, spec: VisitSpec) -> list[VisitEvent]:
    await peer.start(epoch, spec)
    return await peer.events(spec)


def ends(events: list[VisitEvent]) -> dict[str, CandidateEnded]:
    return {event.event.candidate_id: event.event for event in events if isinstance(event.event, CandidateEnded)}


async def test_a_source_is_compiled_and_called_in_every_form(
    peer: Peer, epoch: int, files: Files, tmp_path: Path
) -> None:
    data = await peer.upload(files.data)
    spec = visit(data, await source(peer, tmp_path, "honest", HONEST))
    spec = replace(spec, latency=replace(LATENCY, metrics=METRICS), collects_predictions=True, verifies_calls=True)
    events = await visited(peer, epoch, spec)
    assert ends(events)["honest"].outcome is Outcome.OK, ends(events)["honest"].reason
    for metric in METRICS:
        assert {series.batch_size for series in series_of(events, metric)} == set(LATENCY.batch_sizes)
    (stored,) = [event.event for event in events if isinstance(event.event, PredictionsStored)]
    await peer.download(stored.sha256, tmp_path / "predictions.npz")
    found = load_predictions(tmp_path / "predictions.npz").scores
    rows = np.load(files.data)["X"].astype(np.float32)
    np.testing.assert_array_equal(found, 0.25 * rows[:, :3].astype(np.float64))


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler here; apt install g++")
async def test_a_source_in_c_plus_plus_is_compiled_as_such(
    peer: Peer, epoch: int, files: Files, tmp_path: Path
) -> None:
    data = await peer.upload(files.data)
    found = replace(await source(peer, tmp_path, "cxx", CXX), runtime="fastinference", format="c++-source")
    mistaken = replace(found, candidate_id="mistaken", runtime="c", format="c-source")
    events = await visited(peer, epoch, visit(data, found, mistaken))
    assert ends(events)["cxx"].outcome is Outcome.OK, ends(events)["cxx"].reason
    assert ends(events)["mistaken"].reason_code == "COMPILE_FAILED"


async def test_what_compiling_cost_is_told_in_every_visit_and_paid_once(
    peer: Peer, epoch: int, files: Files, tmp_path: Path
) -> None:
    data = await peer.upload(files.data)
    first = visit(data, await source(peer, tmp_path, "again", HONEST + "/* again */"))
    told = [await visited(peer, epoch, spec) for spec in (first, replace(first, visit_id="another visit"))]
    for metric in ("compile_ns", "compile_peak_bytes", "library_bytes"):
        values = [series.values for events in told for series in series_of(events, metric)]
        assert len(values) == 2 and values[0] == values[1] and values[0][0] > 1000


async def test_sources_that_fail_are_told_and_the_others_are_measured(
    peer: Peer, epoch: int, files: Files, tmp_path: Path
) -> None:
    texts = {
        "wrong": HONEST.replace("size_t i = 0", "nonsense"),
        "foreign": FOREIGN,
        "crashing": CRASHING,
        "partial": "int nothing;",
        "good": HONEST,
    }
    candidates = [await source(peer, tmp_path, name, text) for name, text in texts.items()]
    unknown = replace(candidates[-1], candidate_id="unknown flag", options={"optimise": "-fplugin=evil.so"})
    events = await visited(peer, epoch, visit(await peer.upload(files.data), *candidates, unknown))
    found = ends(events)
    assert found["good"].outcome is Outcome.OK
    assert series_of(events, "latency_ns")[0].candidate_id == "good"
    assert (found["wrong"].reason_code, "nonsense" in found["wrong"].reason) == ("COMPILE_FAILED", True)
    assert found["foreign"].reason == ("This is not a usable model: its interface has version 2, mltest's is 1.")
    assert found["crashing"].reason_code == "MODEL_CRASHED"
    assert "does not define the whole interface" in found["partial"].reason
    assert "it can be O1, O2, O3" in found["unknown flag"].reason
