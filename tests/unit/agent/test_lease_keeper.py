"""The lease on the real clock."""

import asyncio
from itertools import count

from mltest.agent.lease.lease import Lease
from mltest.agent.lease.lease_keeper import LeaseKeeper
from mltest.agent.visit.visits import Visits
from mltest.agent.watched import Watched
from mltest.shared.errors import MltestError

DEADLINE_S = 10.0


class CancelledVisits(Visits):
    """Notes why the running visit would be cancelled."""

    def __init__(self) -> None:
        super().__init__(encode=lambda _: b"", on_change=lambda _: None)
        self.reasons: list[MltestError] = []

    async def cancel_running(self, reason: MltestError) -> None:
        self.reasons.append(reason)


async def test_a_lease_that_is_not_renewed_ends_by_itself_and_its_visit_with_it() -> None:
    visits, holder, epochs = CancelledVisits(), Watched(""), count(1)
    lease = Lease(agent="lab-1", next_epoch=lambda: next(epochs), ttl_ns=20_000_000)
    LeaseKeeper(lease, visits, holder.set).acquire("a", "")
    async with asyncio.timeout(DEADLINE_S):
        async for now in holder.follow():
            if not now:
                break
    assert [reason.code for reason in visits.reasons] == ["LEASE_LOST"]


async def test_a_released_lease_ends_its_visit_once() -> None:
    visits, holder, epochs = CancelledVisits(), Watched(""), count(1)
    keeper = LeaseKeeper(Lease(agent="lab-1", next_epoch=lambda: next(epochs)), visits, holder.set)
    await keeper.release(keeper.acquire("a", "").epoch)
    assert (holder.value, len(visits.reasons)) == ("", 1)
