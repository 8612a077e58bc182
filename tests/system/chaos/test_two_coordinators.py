"""Two coordinators want one agent: one runs, the other waits; one that froze past its lease disturbs nobody later."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from mltest.shared.domain import JobNote
from tests.mutations.mutants import SHORT_TTL_S
from tests.mutations.plugin import prefix
from tests.processes import ProcessGroup
from tests.system.chaos.exactness import attempt_count, faults_of, overlaps
from tests.system.chaos.fleet import Member, started_agent, started_coordinator
from tests.system.chaos.following import followed
from tests.system.chaos.tiny_jobs import PLAN, expected, submit_tiny, tiny_files

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("two coordinators")]

DEADLINE_S = 240.0
SLOW_PLAN = PLAN.replace("slice_s = 0.05", "slice_s = 0.5")
"""Visits of several seconds, so that somebody can come into their middle."""


def started(group: ProcessGroup, folder: Path, command: Sequence[str] = ()) -> tuple[Member, Member, Member]:
    agent = started_agent(group, folder, "left", command)
    return agent, started_coordinator(group, folder, "one", command), started_coordinator(group, folder, "two", command)


@pytest.mark.promise(31)
async def test_two_coordinators_take_turns_and_the_second_is_told_who_was_first(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    agent, one, two = started(processes, tmp_path)
    files = tiny_files(tmp_path / "files")
    first = await submit_tiny(one.state, files, [agent.address])
    async with asyncio.timeout(DEADLINE_S), followed(one.state, first) as of_first:
        await of_first.is_measuring.wait()
        second = await submit_tiny(two.state, files, [agent.address])
        async with followed(two.state, second) as of_second:
            await of_second.is_over.wait()
        await of_first.is_over.wait()
    assert await faults_of(one.state, first, expected(1)) == []
    assert await faults_of(two.state, second, expected(1)) == []
    assert overlaps(one.state, two.state) == []
    assert attempt_count(one.state) == attempt_count(two.state) == expected(1).round_count
    told = [event.event.text for event in of_second.events if isinstance(event.event, JobNote)]
    assert any("left is busy" in text for text in told), told


@pytest.mark.promise(30)
async def test_a_coordinator_that_froze_past_its_lease_disturbs_nobody_when_it_thaws(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    agent, one, two = started(processes, tmp_path, prefix("short-lease"))
    files = tiny_files(tmp_path / "files")
    first = await submit_tiny(one.state, files, [agent.address], SLOW_PLAN)
    async with asyncio.timeout(DEADLINE_S), followed(one.state, first) as of_first:
        await of_first.is_measuring.wait()
        one.freeze()
        frozen_s = asyncio.get_running_loop().time()
        second = await submit_tiny(two.state, files, [agent.address], SLOW_PLAN)
        async with followed(two.state, second) as of_second:
            await of_second.is_measuring.wait()
            waited_s = asyncio.get_running_loop().time() - frozen_s
            one.thaw()
            await of_second.is_over.wait()
        await of_first.is_over.wait()
    assert waited_s >= SHORT_TTL_S / 2
    assert await faults_of(two.state, second, expected(1)) == []
    assert attempt_count(two.state) == expected(1).round_count
    assert await faults_of(one.state, first, expected(1)) == []
    assert overlaps(one.state, two.state) == []
