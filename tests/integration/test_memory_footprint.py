"""Memory that a real agent measures, in processes of their own."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.shared.domain import CandidateEnded, MemorySpec, Outcome, RemarkKind
from tests.integration.agent_peer import (
    Peer,
    candidate,
    connected,
    pickled,
    series_of,
    visit,
    write_files,
    write_pickle,
)
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.xdist_group("agent")

MEMORY = MemorySpec(batch_size=1, call_count=60, has_cold=True)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    group = ProcessGroup()
    options = ("--port", "0", "--no-advertise", "--name", "lab-1")
    yield group.agent(tmp_path_factory.mktemp("agent"), *options, runtimes="onnxruntime")
    group.end()


@pytest.fixture
async def peer(agent: Running) -> AsyncIterator[Peer]:
    async with connected(agent.address) as peer:
        yield peer


async def test_each_candidate_has_processes_that_only_load_and_answer(peer: Peer, tmp_path: Path) -> None:
    files = write_files(tmp_path)
    broken = await peer.upload(write_pickle(tmp_path / "broken.onnx", "pass"))
    candidates = (candidate(await peer.upload(files.model), "good"), candidate(broken, "broken"))
    never = pickled(broken, "never")
    spec = replace(visit(await peer.upload(files.data), *candidates, never), latency=None, memory=MEMORY)

    await peer.start(await peer.acquire(), spec)
    events = await peer.events(spec)

    for metric in ("memory_deploy_peak_bytes", "memory_model_bytes", "memory_inference_bytes", "memory_rss_bytes"):
        found = series_of(events, metric)
        assert [(one.candidate_id, one.slice_index) for one in found] == [("good", 0), ("good", 1)], metric
    (timed,) = (one.values[0] for one in series_of(events, "memory_peak_bytes"))
    peak = series_of(events, "memory_deploy_peak_bytes")[0].values[0]
    assert 15 * MIB < peak < timed + 4 * MIB
    assert series_of(events, "memory_swapped_bytes")[0].values == (0,)
    rss = series_of(events, "memory_rss_bytes")[0]
    assert (len(rss.values), rss.calls_per_value) == (21, 3)
    ends = {one.event.candidate_id: one.event for one in events if isinstance(one.event, CandidateEnded)}
    assert {name: end.outcome for name, end in ends.items()} == {
        "good": Outcome.OK,
        "broken": Outcome.FAILED,
        "never": Outcome.FAILED,
    }
    absent = {one.metric: one.text for one in ends["good"].remarks if one.kind is RemarkKind.ABSENT}
    assert absent["memory_parameter_bytes"] == "onnxruntime does not tell"
    assert "control group" in absent["memory_cgroup_peak_bytes"]
    (failed,) = ends["broken"].remarks
    assert failed.text.startswith("the process in which memory was to be measured failed")
    assert ends["never"].remarks == ()
