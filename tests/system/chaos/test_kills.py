"""Agents and their coordinator are killed and frozen at random moments, again and again, until every job is exact."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobEvent, JobSpec, VisitUpdated
from mltest.shared.errors import MltestError
from tests.integration.agent_peer import write_files
from tests.models import ModelFiles
from tests.processes import ProcessGroup
from tests.promises.plugin import Count
from tests.system.chaos.exactness import Expected, attempt_count, faults_of, is_intact, overlaps
from tests.system.chaos.fleet import ChaosFleet, Member, orphans_after, started_fleet

pytestmark = [pytest.mark.promise(26, 27), pytest.mark.xdist_group("kills")]

ROUNDS, SLICES, CANDIDATES = 3, 6, 2
PLAN = f"""
[job]
rounds = {ROUNDS}
row_cap = 100
agent_return_s = 60
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {{batch_sizes = [1], slice_count = {SLICES}, slice_s = 0.05, warmup_s = 0.01}}
[[tests]]
module = "mltest.coordinator.tests.agreement"
class = "Agreement"
[candidates]
runtimes = ["onnxruntime"]
"""
EXPECTED = Expected(agent_count=2, round_count=ROUNDS, slice_count=SLICES, candidate_count=CANDIDATES)
AGENT_KILLS_PER_JOB = 2
"""More could use up the three attempts of a visit, which then ends with its reason."""
FREEZE_RATIO = 0.2
JOB_DEADLINE_S = 240.0
PAUSE_S = (0.0, 2.5)
"""From the begin of a visit, or from the last fault, to the next one."""
ANYWHERE_RATIO = 0.25
"""Of the faults, so many do not wait for a visit: they meet inspection, building, the way to the agents, the end."""


@dataclass(slots=True)
class Progress:
    """What is known of a job that is watched over the deaths of its coordinator."""

    events: list[JobEvent] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    is_measuring: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while some agent has a visit under way, or when the job is over."""
    measuring: set[str] = field(default_factory=set)
    """Names of agents with a visit under way, since the last fault."""

    def add(self, event: JobEvent) -> None:
        self.events.append(event)
        if isinstance(event.event, VisitUpdated):
            name = event.event.agent_name
            if event.event.outcome is None:
                self.measuring.add(name)
                self.is_measuring.set()
            else:
                self.measuring.discard(name)

    def forget(self) -> None:
        """Nothing is known of any visit after a fault."""
        self.measuring.clear()
        if not self.is_over.is_set():
            self.is_measuring.clear()

    def end(self) -> None:
        """Nothing more happens to the job."""
        self.is_over.set()
        self.is_measuring.set()

    async def over_within(self, limit_s: float) -> bool:
        """Wait for the end of the job, but not for longer than `limit_s`."""
        try:
            await asyncio.wait_for(self.is_over.wait(), limit_s)
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def watched(home: Path, job_id: str) -> AsyncIterator[Progress]:
    """Follow a job whatever happens to its coordinator."""
    progress = Progress()

    async def follow() -> None:
        while not progress.is_over.is_set():
            api = await open_coordinator(home, needs_to_run=False)
            try:
                async for event in api.watch(job_id, from_seq=len(progress.events) + 1):
                    progress.add(event)
                if (await api.job(job_id)).state.is_over:
                    progress.end()
            except MltestError:
                continue
            finally:
                await api.close()

    following = asyncio.create_task(follow())
    try:
        yield progress
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class Chaos:
    """Does one fault after the other to a fleet."""

    def __init__(self, fleet: ChaosFleet, random: Random) -> None:
        self._fleet = fleet
        self._random = random
        self.freeze_count = 0

    async def plague(self, progress: Progress, *, kills: int) -> None:
        """Kill and freeze at random moments, at most `kills` times, until the job is over."""
        agent_kills = coordinator_kills = 0
        while agent_kills + coordinator_kills < kills and not await self._next_moment(progress):
            may_be_agent = agent_kills < AGENT_KILLS_PER_JOB and agent_kills <= coordinator_kills
            victim = self._victim(progress, may_be_agent=may_be_agent)
            if self._random.random() < FREEZE_RATIO:
                await self._freeze(victim, progress)
                continue
            agent_kills += victim.role == "agent"
            coordinator_kills += victim.role == "coordinator"
            progress.forget()
            await asyncio.to_thread(victim.kill)

    async def _next_moment(self, progress: Progress) -> bool:
        """Wait for the moment of the next fault; return whether the job was over before."""
        if self._random.random() > ANYWHERE_RATIO:
            await progress.is_measuring.wait()
        return await progress.over_within(self._random.uniform(*PAUSE_S))

    def _victim(self, progress: Progress, *, may_be_agent: bool) -> Member:
        measuring = [agent for agent in self._fleet.agents if agent.state.name in progress.measuring]
        return self._random.choice(measuring) if may_be_agent and measuring else self._fleet.coordinator

    async def _freeze(self, victim: Member, progress: Progress) -> None:
        self.freeze_count += 1
        victim.freeze()
        try:
            await progress.over_within(self._random.uniform(0.1, 3.0))
        finally:
            victim.thaw()


@pytest.fixture
def tiny(tmp_path: Path) -> ModelFiles:
    """A model that its runtime loads fast, so that faults and not imports take the time."""
    folder = tmp_path / "files"
    folder.mkdir()
    files = write_files(folder)
    return ModelFiles(files.model, files.data)


async def submitted(api: CoordinatorApi, files: ModelFiles, fleet: ChaosFleet) -> str:
    spec = JobSpec(
        model=await api.put_file(files.model),
        data=(await api.put_file(files.data),),
        plan_toml=PLAN,
        agent_addresses=tuple(agent.address for agent in fleet.agents),
        uses_discovery=False,
        uses_local_agent=False,
    )
    return await api.submit(spec)


async def kill_until(
    tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path, count: Count, *, kills: int, kills_per_job: int
) -> None:
    fleet = started_fleet(processes, tmp_path, ["left", "right"])
    chaos = Chaos(fleet, Random(kills))
    faults: dict[str, list[str]] = {}
    while (done := sum(member.kill_count for member in fleet.members)) < kills:
        api = await open_coordinator(fleet.coordinator.state, needs_to_run=False)
        job_id = await submitted(api, tiny, fleet)
        await api.close()
        async with asyncio.timeout(JOB_DEADLINE_S), watched(fleet.coordinator.state, job_id) as progress:
            await chaos.plague(progress, kills=min(kills_per_job, kills - done))
            await progress.is_over.wait()
        api = await open_coordinator(fleet.coordinator.state, needs_to_run=False)
        faults[job_id] = await faults_of(api, fleet.coordinator.state, job_id, EXPECTED)
        await api.close()
        if [event.seq for event in progress.events] != list(range(1, len(progress.events) + 1)):
            faults[job_id].append("its events have a gap")
    orphans = set().union(*(member.orphans for member in fleet.members))
    exits = [member.stop() for member in fleet.members]
    orphans |= orphans_after(tmp_path)
    found = overlaps(fleet.coordinator.state)
    count("kills_agent_count", fleet.kills_of_agents())
    count("kills_coordinator_count", fleet.coordinator.kill_count)
    count("freeze_count", chaos.freeze_count)
    count("jobs_count", len(faults))
    count("jobs_exact_count", sum(not wrong for wrong in faults.values()))
    count("attempt_count", attempt_count(fleet.coordinator.state))
    count("overlap_count", len(found))
    count("orphan_count", len(orphans))
    assert {job_id: wrong for job_id, wrong in faults.items() if wrong} == {}
    assert (found, orphans, exits) == ([], set(), [0] * len(fleet.members))
    assert is_intact(fleet.coordinator.state)
    assert fleet.kills_of_agents() > 0
    assert fleet.coordinator.kill_count > 0


async def test_a_job_is_exact_though_agents_and_coordinator_are_killed(
    tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path, count: Count
) -> None:
    await kill_until(tiny, processes, tmp_path, count, kills=4, kills_per_job=4)


@pytest.mark.long
async def test_every_job_is_exact_over_hundreds_of_kills(
    tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path, count: Count
) -> None:
    await kill_until(tiny, processes, tmp_path, count, kills=210, kills_per_job=8)
