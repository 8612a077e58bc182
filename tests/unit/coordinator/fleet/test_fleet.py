"""What is believed of agents that were found more than once, and where they are asked."""

import pytest

from mltest.coordinator.fleet.fleet import _merged
from mltest.coordinator.fleet.sightings import addresses_to_try
from mltest.coordinator.job.spec_check import check_address
from mltest.shared.domain import AgentInfo, FleetAgent, HostInfo
from mltest.shared.errors import RequestInvalidError

HOST = HostInfo(architecture="x86_64", cpu_model="", logical_cores=1, memory_bytes=1, os="", kernel="")


def agent(
    address: str,
    agent_id: str = "",
    *,
    name: str = "lab",
    is_alive: bool = True,
    source: str = "mdns",
    reason: str = "",
) -> FleetAgent:
    info = AgentInfo(
        agent_id=agent_id, name=name, protocol_version=1, min_protocol_version=1, software_version="", host=HOST
    )
    return FleetAgent(
        address=address, is_alive=is_alive, source=source, reason=reason, agent=info if agent_id else None
    )


def test_an_agent_that_was_found_twice_is_one() -> None:
    found = _merged([agent("10.0.0.1:1", "a", source="static"), agent("[fe80::1]:1", "a")])

    assert [(one.address, one.source) for one in found] == [("10.0.0.1:1", "static")]


def test_the_answer_that_can_be_worked_with_wins() -> None:
    old = agent("old:1", "a", is_alive=False, source="known", reason="gone")
    found = _merged([old, agent("new:1", "a")])

    assert [one.address for one in found] == ["new:1"]


def test_an_old_address_that_somebody_else_answers_at_is_not_listed_as_gone() -> None:
    gone = agent("host:1", "old", is_alive=False, source="known", reason="gone")
    found = _merged([agent("host:1", "new"), gone])

    assert [one.agent.agent_id for one in found if one.agent] == ["new"]


def test_agents_are_listed_by_name_with_those_that_never_answered() -> None:
    silent = agent("a-host:1", is_alive=False, source="static", reason="no answer")
    found = _merged([agent("h:1", "1", name="zeta"), agent("h:2", "2", name="beta"), silent])

    assert [one.agent.name if one.agent else one.address for one in found] == ["a-host:1", "beta", "zeta"]


def test_addresses_are_tried_from_the_most_promising_on() -> None:
    hosts = ["fe80::1%eth0", "2001:db8::1", "192.168.0.2", "169.254.0.9"]

    assert addresses_to_try(hosts, 7) == (
        "192.168.0.2:7",
        "[2001:db8::1]:7",
        "169.254.0.9:7",
        "[fe80::1%25eth0]:7",
    )


def test_a_host_with_many_addresses_is_not_asked_at_all_of_them() -> None:
    assert len(addresses_to_try([f"10.0.0.{number}" for number in range(100)], 7)) == 4


@pytest.mark.parametrize("address", ["host:1", "10.0.0.1:65535", "[::1]:50760", "[fe80::1%25eth0]:50760", "a-b.c:80"])
def test_addresses_of_agents_are_taken(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address", ["", "host", "host:", "host:0", "host:65536", "::1:80", "a/b:80", "unix:/x", "ä:80"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(RequestInvalidError):
        check_address(address)
