"""The state of a machine on a real agent, whose files change while a visit runs."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.analysis.machine_policy import findings_of
from mltest.shared.domain import FindingLevel, MachineState, SampleBatch, VisitEnded, VisitStarted
from tests.integration.agent_peer import LATENCY, Peer, candidate, connected, visit, write_files
from tests.machines.energy_trees import write_tree
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.xdist_group("agent")

COUNTER = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"
GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
TREE = {
    COUNTER: "7\n",
    GOVERNOR: "performance\n",
    "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
    "proc/vmstat": "pswpin 0\npswpout 0\n",
    "sys/class/power_supply/AC/type": "Mains\n",
    "sys/class/power_supply/AC/online": "0\n",
}
SLICES = replace(LATENCY, batch_sizes=(1,), slice_count=400)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Running]:
    group = ProcessGroup()
    state = tmp_path_factory.mktemp("agent")
    options = ("--port", "0", "--no-advertise", "--name", "lab-1", "--machine-root", str(root))
    yield group.agent(state, *options, runtimes="onnxruntime")
    group.end()


@pytest.fixture
async def peer(agent: Running) -> AsyncIterator[Peer]:
    async with connected(agent.address) as peer:
        yield peer


async def watched(peer: Peer, folder: Path, root: Path, behind: type[object], changes: dict[str, str]) -> MachineState:
    """Return what an agent says of a machine whose files change behind the first event of that kind."""
    write_tree(root, TREE)
    files = write_files(folder)
    epoch = await peer.acquire()
    spec = replace(visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a")), latency=SLICES)
    await peer.start(epoch, spec)
    async for event in peer.attach(spec):
        is_latency = isinstance(event.event, SampleBatch) and event.event.series[-1].metric == "latency_ns"
        if isinstance(event.event, behind) and (behind is not SampleBatch or is_latency):
            write_tree(root, changes)
            changes = {}
        if isinstance(event.event, VisitEnded):
            assert event.event.machine is not None
            return event.event.machine
    raise AssertionError("the visit has no end")


def verdicts(*states: MachineState) -> dict[str, FindingLevel]:
    return {finding.key: finding.level for finding in findings_of(states)}


async def test_heat_in_the_middle_of_the_slices_marks_the_visit(peer: Peer, tmp_path: Path, root: Path) -> None:
    state = await watched(peer, tmp_path, root, SampleBatch, {COUNTER: "8\n"})

    assert state.throttle_causes == ("heat",)
    # In which slice is known where a look is cheap enough to be made behind each: otherwise the end tells.
    assert state.throttled_slice_count <= 1
    assert verdicts(state)["throttled_once"] is FindingLevel.UNRELIABLE
    assert verdicts(state, state)["throttled"] is FindingLevel.REFUSE
    assert verdicts(state)["battery"] is FindingLevel.WARN


async def test_what_changes_before_the_slices_is_told_too(peer: Peer, tmp_path: Path, root: Path) -> None:
    changes = {GOVERNOR: "powersave\n", "proc/vmstat": "pswpin 1\npswpout 2\n"}

    state = await watched(peer, tmp_path, root, VisitStarted, changes)

    assert state.throttle_causes == ()
    assert state.changed_settings == ("governor: performance became powersave",)
    assert state.swapped_bytes
    found = verdicts(state)
    assert (found["changed"], found["swapped"]) == (FindingLevel.UNRELIABLE, FindingLevel.REFUSE)
