"""The lease on the real clock: it expires by itself, and its end is the end of its visit."""

import asyncio
import time
from collections.abc import Callable

from mltest.agent.lease.lease import Grant, Lease
from mltest.agent.visit.visits import Visits
from mltest.shared.errors import LeaseLostError, MltestError, VisitInterruptedError


class LeaseKeeper:
    """Holds the agent's lease, and cancels the running visit when the lease ends."""

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
        """Give the lease to `holder`, who gets it back if it has it; `AgentBusyError` if another has it."""
        return self._granted(self._lease.acquire(holder, purpose, time.monotonic_ns()))

    def renew(self, epoch: int) -> Grant:
        """Let the lease live on; `LeaseLostError` if `epoch` is not valid any more."""
        return self._granted(self._lease.renew(epoch, time.monotonic_ns()))

    def require(self, epoch: int) -> Grant:
        """Return the grant with `epoch`; `LeaseLostError` if it is not valid any more."""
        return self._lease.require(epoch, time.monotonic_ns())

    async def release(self, epoch: int) -> None:
        """End the lease and its visit; `LeaseLostError` if `epoch` is not valid any more."""
        self._lease.release(epoch, time.monotonic_ns())
        await self._ended(VisitInterruptedError(detail="its holder gave the lease back"))

    def _granted(self, grant: Grant) -> Grant:
        self._stop_timer()
        delay_s = max(0.0, (grant.expires_ns - time.monotonic_ns()) / 1e9)
        self._expiry = asyncio.get_running_loop().call_later(delay_s, self._expire, grant.epoch)
        self._on_change(grant.holder)
        return grant

    def _expire(self, epoch: int) -> None:
        current = self._lease.current(time.monotonic_ns())
        if current is not None:
            # The timer was early by less than the clock's resolution.
            self._granted(current)
            return
        task = asyncio.create_task(self._ended(LeaseLostError(epoch=epoch)))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _ended(self, reason: MltestError) -> None:
        self._stop_timer()
        self._on_change("")
        await self._visits.cancel_running(reason)

    def _stop_timer(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
