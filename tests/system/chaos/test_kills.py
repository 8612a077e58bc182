"""Agents and their coordinator are killed and frozen at random moments, again and again, until every job is exact."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.models import ModelFiles
from tests.processes import ProcessGroup
from tests.promises.plugin import Count
from tests.system.chaos.exactness import attempt_count, faults_of, is_intact, overlaps
from tests.system.chaos.fleet import ChaosFleet, Member, children_below, orphans_after, started_fleet
from tests.system.chaos.following import Progress, followed
from tests.system.chaos.tiny_jobs import expected, submit_tiny, tiny_files

pytestmark = [pytest.mark.promise(26, 27), pytest.mark.xdist_group("kills")]

AGENT_KILLS = 2
"""Of one agent before a visit of it ended well: a third one would use up the attempts of its visit."""
FREEZE_RATIO = 0.2
JOB_DEADLINE_S = 480.0
PAUSE_S = (0.0, 2.5)
"""From the begin of a visit, or from the last fault, to the next one."""
ANYWHERE_RATIO = 0.25
"""Of the faults, so many do not wait for a visit: they meet inspection, building, the way to the agents, the end."""


class Chaos:
    """Does one fault after the other to a fleet."""

    def __init__(self, fleet: ChaosFleet, random: Random) -> None:
        self._fleet = fleet
        self._random = random
        self._kills_since_done: Counter[str] = Counter()
        self.freeze_count = 0
        self.seen_children: set[int] = set()
        """Processes of agents that lived when one was killed: what could have become an orphan."""

    async def plague(self, progress: Progress, *, kills: int) -> None:
        """Kill and freeze at random moments, at most `kills` times, until the job is over."""
        while kills and not await self._next_moment(progress):
            victim = self._victim(progress)
            if self._random.random() < FREEZE_RATIO:
                await self._freeze(victim, progress)
                continue
            kills -= 1
            self._kills_since_done[victim.state.name] += victim.role == "agent"
            progress.forget()
            self.seen_children |= children_below(victim.state)
            await asyncio.to_thread(victim.kill)

    async def _next_moment(self, progress: Progress) -> bool:
        """Wait for the moment of the next fault; return whether the job was over before."""
        if self._random.random() > ANYWHERE_RATIO:
            await progress.is_measuring.wait()
        return await progress.over_within(self._random.uniform(*PAUSE_S))

    def _victim(self, progress: Progress) -> Member:
        """Return whoever was killed less often; an agent only while it measures."""
        for name in progress.done:
            self._kills_since_done[name] = 0
        progress.done.clear()
        agents = [
            agent
            for agent in self._fleet.agents
            if agent.state.name in progress.measuring and self._kills_since_done[agent.state.name] < AGENT_KILLS
        ]
        is_agents_turn = self._fleet.kills_of_agents() <= self._fleet.coordinator.kill_count
        return self._random.choice(agents) if agents and is_agents_turn else self._fleet.coordinator

    async def _freeze(self, victim: Member, progress: Progress) -> None:
        self.freeze_count += 1
        victim.freeze()
        try:
            await progress.over_within(self._random.uniform(0.1, 3.0))
        finally:
            victim.thaw()


async def plagued_job(chaos: Chaos, fleet: ChaosFleet, files: ModelFiles, *, kills: int) -> tuple[str, list[str]]:
    """Run one job under faults; return its identity and what is wrong with it."""
    home = fleet.coordinator.state
    job_id = await submit_tiny(home, files, [agent.address for agent in fleet.agents])
    async with asyncio.timeout(JOB_DEADLINE_S), followed(home, job_id) as progress:
        await chaos.plague(progress, kills=kills)
        await progress.is_over.wait()
    faults = await faults_of(home, job_id, expected(len(fleet.agents)))
    return job_id, [*faults, *(["its events have a gap"] if progress.has_gap() else [])]


async def kill_until(processes: ProcessGroup, tmp_path: Path, count: Count, *, kills: int, kills_per_job: int) -> None:
    """Run jobs under faults until there were so many kills, then see whether all is well."""
    files = tiny_files(tmp_path / "files")
    fleet = started_fleet(processes, tmp_path, ["left", "right"])
    chaos = Chaos(fleet, Random(kills))
    wrong: dict[str, list[str]] = {}
    while (done := sum(member.kill_count for member in fleet.members)) < kills:
        job_id, wrong[job_id] = await plagued_job(chaos, fleet, files, kills=min(kills_per_job, kills - done))
    orphans = set().union(*(member.orphans for member in fleet.members))
    exits = [member.stop() for member in fleet.members]
    orphans |= orphans_after(tmp_path)
    home = fleet.coordinator.state
    overlapping = overlaps(home)
    count("kills_agent_count", fleet.kills_of_agents())
    count("kills_coordinator_count", fleet.coordinator.kill_count)
    count("freeze_count", chaos.freeze_count)
    count("jobs_count", len(wrong))
    count("jobs_exact_count", sum(not faults for faults in wrong.values()))
    count("attempt_count", attempt_count(home))
    count("overlap_count", len(overlapping))
    count("orphan_count", len(orphans))
    assert {job_id: faults for job_id, faults in wrong.items() if faults} == {}
    assert (overlapping, orphans, exits) == ([], set(), [0] * len(fleet.members))
    assert is_intact(home)
    assert chaos.seen_children
    assert min(fleet.kills_of_agents(), fleet.coordinator.kill_count) > 0


async def test_a_job_is_exact_though_agents_and_coordinator_are_killed(
    processes: ProcessGroup, tmp_path: Path, count: Count
) -> None:
    await kill_until(processes, tmp_path, count, kills=3, kills_per_job=3)


@pytest.mark.long
async def test_every_job_is_exact_over_hundreds_of_kills(processes: ProcessGroup, tmp_path: Path, count: Count) -> None:
    await kill_until(processes, tmp_path, count, kills=210, kills_per_job=8)
