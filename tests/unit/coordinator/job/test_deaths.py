"""When a candidate that agents die of is given up."""

import pytest

from mltest.coordinator.job.deaths import DEATHS, Deaths


def killed(deaths: Deaths, agent: str, times: int = DEATHS, candidate: str = "evil") -> None:
    for _ in range(times):
        deaths.add(candidate, agent)


@pytest.mark.promise(39)
def test_a_candidate_is_given_up_on_an_agent_that_died_of_it_three_times() -> None:
    deaths = Deaths()
    killed(deaths, "x", 2)
    assert not deaths.is_out("evil", "x")
    deaths.add("evil", "x")
    assert deaths.is_out("evil", "x")
    assert not deaths.is_out("evil", "y"), "one machine may be at fault itself"
    assert not deaths.is_out("good", "x")


@pytest.mark.promise(39)
def test_a_candidate_is_given_up_everywhere_once_two_agents_died_of_it() -> None:
    deaths = Deaths()
    killed(deaths, "x")
    killed(deaths, "y")
    assert deaths.killed("evil") == ("x", "y")
    assert deaths.is_out("evil", "z")


@pytest.mark.promise(39)
def test_a_third_agent_waits_until_the_first_two_have_found_out() -> None:
    deaths = Deaths()
    for agent in ("x", "y", "z"):
        deaths.add("evil", agent)
    assert [deaths.has_to_wait("evil", agent) for agent in ("x", "y", "z")] == [False, False, True]
    deaths.survived("evil", "x")
    assert not deaths.has_to_wait("evil", "z")


@pytest.mark.promise(39)
def test_a_power_cut_that_takes_every_machine_once_gives_nothing_up() -> None:
    deaths = Deaths()
    agents = ("x", "y", "z")
    for agent in agents:
        deaths.add("innocent", agent)
    for agent in ("x", "y"):
        deaths.survived("innocent", agent)
    assert not any(deaths.is_out("innocent", agent) or deaths.has_to_wait("innocent", agent) for agent in agents)


@pytest.mark.promise(39)
def test_nobody_waits_for_an_agent_that_takes_no_part_any_more() -> None:
    deaths = Deaths()
    for agent in ("x", "y", "z"):
        deaths.add("evil", agent)
    deaths.leave("y")
    assert not deaths.has_to_wait("evil", "z")


@pytest.mark.promise(39)
def test_what_an_agent_found_out_counts_after_it_left() -> None:
    deaths = Deaths()
    killed(deaths, "x")
    deaths.leave("x")
    killed(deaths, "y")
    assert deaths.is_out("evil", "z")
