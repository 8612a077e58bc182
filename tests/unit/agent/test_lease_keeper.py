"""The lease on the real clock."""

import asyncio
from itertools import count

import pytest

from mltest.agent.lease.lease import LEASE_TTL_NS, Lease
from mltest.agent.lease.lease_keeper import LeaseKeeper
from mltest.agent.outbox.outbox import MemoryOutbox
from mltest.agent.service import decode_event, encode_event
from mltest.agent.visit.visits import Visits
from mltest.agent.watched import Watched
from mltest.shared.domain import AgentUse
from mltest.shared.errors import AgentBusyError, LeaseLostError, MltestError

DEADLINE_S = 10.0


class RunningVisits(Visits):
    """One visit runs, of the holder `a`; notes why it is cancelled."""

    def __init__(self) -> None:
        super().__init__(encode=encode_event, decode=decode_event, outbox=MemoryOutbox(), on_change=lambda _: None)
        self.reasons: list[MltestError] = []
        self.cancelled = asyncio.Event()

    @property
    def holder(self) -> str:
        return "" if self.reasons else "a"

    @property
    def running_id(self) -> str:
        return "" if self.reasons else "v"

    async def cancel_running(self, reason: MltestError) -> None:
        self.reasons.append(reason)
        self.cancelled.set()


def keeper_of(visits: Visits, holder: Watched[str], *, ttl_ns: int = LEASE_TTL_NS) -> LeaseKeeper:
    epochs = count(1)
    return LeaseKeeper(Lease(agent="lab-1", next_epoch=lambda: next(epochs), ttl_ns=ttl_ns), visits, holder.set)


async def until_free(holder: Watched[str]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async for now in holder.follow():
            if not now:
                return


async def test_a_lease_that_is_not_renewed_ends_by_itself_and_its_visit_goes_on() -> None:
    visits, holder = RunningVisits(), Watched("")
    keeper = keeper_of(visits, holder, ttl_ns=20_000_000)
    epoch = keeper.acquire("a", "").epoch
    await until_free(holder)
    with pytest.raises(LeaseLostError):
        keeper.require(epoch)
    assert visits.reasons == []
    assert keeper.use() == AgentUse(visit_id="v")


async def test_whoever_takes_an_expired_lease_ends_the_visit_that_still_runs() -> None:
    visits, holder = RunningVisits(), Watched("")
    keeper = keeper_of(visits, holder, ttl_ns=20_000_000)
    keeper.acquire("a", "")
    await until_free(holder)
    keeper.acquire("b", "")
    async with asyncio.timeout(DEADLINE_S):
        await visits.cancelled.wait()
    assert [reason.message for reason in visits.reasons] == [
        "The visit was interrupted: its lease expired, and b took the agent."
    ]


async def test_a_holder_that_comes_back_for_its_expired_lease_finds_its_visit_running() -> None:
    visits, holder = RunningVisits(), Watched("")
    keeper = keeper_of(visits, holder, ttl_ns=20_000_000)
    keeper.acquire("a", "")
    await until_free(holder)
    keeper.acquire("a", "")
    await asyncio.sleep(0)
    assert visits.reasons == []


async def test_who_uses_the_agent_is_told_with_what_is_left_and_who_waits() -> None:
    visits, holder = RunningVisits(), Watched("")
    keeper = keeper_of(visits, holder)
    keeper.acquire("a", "a job")
    with pytest.raises(AgentBusyError):
        keeper.acquire("b", "")
    use = keeper.use()
    assert (use.holder, use.purpose, use.waiting_count, use.visit_id) == ("a", "a job", 1, "v")
    assert LEASE_TTL_NS - DEADLINE_S * 1e9 < use.lease_left_ns <= LEASE_TTL_NS


async def test_a_released_lease_ends_its_visit_once() -> None:
    visits, holder = RunningVisits(), Watched("")
    keeper = keeper_of(visits, holder)
    await keeper.release(keeper.acquire("a", "").epoch)
    assert (holder.value, len(visits.reasons)) == ("", 1)
