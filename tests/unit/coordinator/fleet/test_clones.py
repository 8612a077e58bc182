"""Two processes at once are copies; one that was restarted, moved, or has two addresses never is."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltest.coordinator.fleet.clones import CloneWatch
from mltest.shared.domain import AgentInfo, HostInfo
from mltest.shared.errors import AgentClonedError, AgentUnreachableError

pytestmark = pytest.mark.promise(8)

HOST = HostInfo(architecture="x86_64", cpu_model="", logical_cores=1, memory_bytes=1, os="", kernel="")
INFO = AgentInfo(agent_id="id", name="lab", protocol_version=1, min_protocol_version=1, software_version="", host=HOST)


@dataclass(slots=True)
class Network:
    """Which process answers at which address."""

    processes: dict[str, str] = field(default_factory=dict)

    async def describe(self, address: str, agent_id: str) -> AgentInfo:
        if address not in self.processes:
            raise AgentUnreachableError(agent=address, detail="nobody is there")
        return replace(INFO, instance_id=self.processes[address])


def watch_over(network: Network) -> CloneWatch:
    watch = CloneWatch(network.describe)
    for address, instance_id in network.processes.items():
        watch.saw("id", instance_id, address)
    return watch


async def test_two_processes_that_live_at_once_are_copies_and_both_addresses_are_named() -> None:
    watch = watch_over(Network({"a:1": "one", "b:1": "two"}))
    await watch.settle()
    with pytest.raises(AgentClonedError, match="lab exists twice, at a:1 and b:1"):
        watch.check("id", "lab")


async def test_a_restarted_agent_is_no_copy() -> None:
    network = Network({"a:1": "one"})
    watch = watch_over(network)
    network.processes = {"a:2": "two"}
    watch.saw("id", "two", "a:2")
    assert watch.suspects == ("id",)
    await watch.settle()
    watch.check("id", "lab")
    assert not watch.suspects


async def test_an_agent_with_another_address_is_no_copy() -> None:
    network = Network({"a:1": "one"})
    watch = watch_over(network)
    network.processes = {"b:1": "one"}
    watch.saw("id", "one", "b:1")
    await watch.settle()
    watch.check("id", "lab")


async def test_an_agent_with_two_interfaces_is_no_copy() -> None:
    watch = watch_over(Network({"a:1": "one", "b:1": "one"}))
    assert not watch.suspects
    await watch.settle()
    watch.check("id", "lab")


async def test_an_agent_that_restarts_between_two_questions_is_no_copy() -> None:
    network = Network({"a:1": "one", "b:1": "one"})
    watch = watch_over(network)
    watch.saw("id", "zero", "b:1")
    asked = 0

    async def describe(address: str, agent_id: str) -> AgentInfo:
        nonlocal asked
        asked += 1
        return replace(INFO, instance_id="one" if asked == 1 else "two")

    watch._describe = describe
    await watch.settle()
    watch.check("id", "lab")


async def test_a_copy_that_is_only_advertised_is_found() -> None:
    network = Network({"a:1": "one"})
    watch = watch_over(network)
    network.processes["b:1"] = "two"
    watch.was_told("id", ["two"], ["b:1"])
    await watch.settle()
    assert set(watch.addresses_of_clones("id").values()) == {"a:1", "b:1"}


async def test_an_advertisement_of_a_copy_that_nobody_answers_for_changes_nothing() -> None:
    watch = watch_over(Network({"a:1": "one"}))
    watch.was_told("id", [f"{number}" for number in range(100)], [f"c:{number}" for number in range(100)])
    await watch.settle()
    watch.check("id", "lab")
    assert not watch.suspects


async def test_an_agent_whose_copy_is_gone_may_work_again() -> None:
    network = Network({"a:1": "one", "b:1": "two"})
    watch = watch_over(network)
    await watch.settle()
    del network.processes["b:1"]
    await watch.settle()
    watch.check("id", "lab")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=8))
async def test_one_process_at_a_time_is_never_a_copy(moves: list[tuple[str, str]]) -> None:
    network = Network()
    watch = CloneWatch(network.describe)
    for address, instance_id in moves:
        network.processes = {address: instance_id}
        watch.saw("id", instance_id, address)
        watch.was_told("id", [instance_id], [address])
        await watch.settle()
        watch.check("id", "lab")
