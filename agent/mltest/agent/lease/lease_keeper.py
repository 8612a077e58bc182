"""The lease on the real clock: it expires by itself.

A visit whose lease expired goes on: its holder may only be behind a broken network, and fetches the result later. It
ends when somebody else takes the lease, so that an agent is never kept from those that want it.
"""

import asyncio
import time
from collections.abc import Callable

from mltest.agent.lease.lease import Grant, Lease
from mltest.agent.visit.visits import Visits
from mltest.shared.domain import AgentUse
from mltest.shared.errors import VisitInterruptedError


class LeaseKeeper:
    """Holds the agent's lease, and cancels the running visit when its holder gives it back or another one takes it."""

    def __init__(self, lease: Lease, visits: Visits, on_change: Callable[[str], None]) -> None:
        self._lease = lease
        self._visits = visits
        self._on_change = on_change
        self._expiry: asyncio.TimerHandle | None = None
        self._cancelling: set[asyncio.Task[None]] = set()

    @property
    def ttl_ns(self) -> int:
        """How long a grant is valid without renewal."""
        return self._lease.ttl_ns

    def acquire(self, holder: str, purpose: str) -> Grant:
        """Give the lease to `holder`, who gets it back if it has it; `AgentBusyError` if another has it or is next."""
        grant = self._granted(self._lease.acquire(holder, purpose, time.monotonic_ns()))
        if self._visits.holder not in ("", holder):
            reason = VisitInterruptedError(detail=f"its lease expired, and {holder} took the agent")
            task = asyncio.create_task(self._visits.cancel_running(reason))
            self._cancelling.add(task)
            task.add_done_callback(self._cancelling.discard)
        return grant

    def use(self) -> AgentUse:
        """Return who uses the agent now."""
        now_ns = time.monotonic_ns()
        grant, waiting_count = self._lease.current(now_ns), self._lease.waiting_count(now_ns)
        visit_id = self._visits.running_id
        if grant is None:
            return AgentUse(waiting_count=waiting_count, visit_id=visit_id)
        return AgentUse(
            holder=grant.holder,
            purpose=grant.purpose,
            lease_left_ns=grant.expires_ns - now_ns,
            waiting_count=waiting_count,
            visit_id=visit_id,
        )

    def renew(self, epoch: int) -> Grant:
        """Let the lease live on; `LeaseLostError` if `epoch` is not valid any more."""
        return self._granted(self._lease.renew(epoch, time.monotonic_ns()))

    def require(self, epoch: int) -> Grant:
        """Return the grant with `epoch`; `LeaseLostError` if it is not valid any more."""
        return self._lease.require(epoch, time.monotonic_ns())

    async def release(self, epoch: int) -> None:
        """End the lease and its visit; `LeaseLostError` if `epoch` is not valid any more."""
        self._lease.release(epoch, time.monotonic_ns())
        self._free()
        await self._visits.cancel_running(VisitInterruptedError(detail="its holder gave the lease back"))

    def _granted(self, grant: Grant) -> Grant:
        self._stop_timer()
        delay_s = max(0.0, (grant.expires_ns - time.monotonic_ns()) / 1e9)
        self._expiry = asyncio.get_running_loop().call_later(delay_s, self._expire)
        self._on_change(grant.holder)
        return grant

    def _expire(self) -> None:
        current = self._lease.current(time.monotonic_ns())
        if current is not None:
            # The timer was early by less than the clock's resolution.
            self._granted(current)
        else:
            self._free()

    def _free(self) -> None:
        self._stop_timer()
        self._on_change("")

    def _stop_timer(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
