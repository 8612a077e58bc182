"""The exclusive right to run visits: who has it, until when, who is next, and which epoch fences off everybody before.

Pure: the clock is passed in, and so is the counter. The agent alone decides about its exclusivity.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mltest.agent.lease.waiting_line import PATIENCE_NS, WaitingLine
from mltest.shared.errors import AgentBusyError, LeaseLostError

LEASE_TTL_NS = 60 * 10**9
"""A holder that renews every 10 s may miss several renewals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A lease as it was given."""

    holder: str
    purpose: str
    epoch: int
    """Fencing token."""
    expires_ns: int
    """On the clock that is passed in."""


class Lease:
    """At most one valid grant at any time; who waits for it gets it in the order of arrival.

    A holder that acquires again gets the lease back with a new epoch: its old epoch is fenced off, so that an earlier
    life of the same coordinator cannot interfere, and a visit that runs goes on (see `mltest.agent.visit.visits`).
    """

    def __init__(
        self,
        *,
        agent: str,
        next_epoch: Callable[[], int],
        ttl_ns: int = LEASE_TTL_NS,
        patience_ns: int = PATIENCE_NS,
    ) -> None:
        self._agent = agent
        self._next_epoch = next_epoch
        self._ttl_ns = ttl_ns
        self._line = WaitingLine(patience_ns)
        self._grant: Grant | None = None

    @property
    def ttl_ns(self) -> int:
        """How long a grant is valid without renewal."""
        return self._ttl_ns

    def current(self, now_ns: int) -> Grant | None:
        """Return the valid grant, if there is one."""
        if self._grant is not None and now_ns >= self._grant.expires_ns:
            self._grant = None
        return self._grant

    def acquire(self, holder: str, purpose: str, now_ns: int) -> Grant:
        """Give the lease to `holder`.

        Raises:
            AgentBusyError: another holder has it, or waited longer; `holder` has a place in the line from now on.

        """
        current = self.current(now_ns)
        owner = current.holder if current is not None else self._line.first(now_ns)
        if owner not in (None, holder):
            raise self._busy(holder, current, now_ns)
        self._grant = Grant(holder=holder, purpose=purpose, epoch=self._next_epoch(), expires_ns=now_ns + self._ttl_ns)
        self._line.leave(holder)
        return self._grant

    def waiting_count(self, now_ns: int) -> int:
        """Return how many wait for the lease."""
        return self._line.count(now_ns)

    def require(self, epoch: int, now_ns: int) -> Grant:
        """Return the valid grant with `epoch`.

        Raises:
            LeaseLostError: it expired, was released, or a newer one was given.

        """
        current = self.current(now_ns)
        if current is None or current.epoch != epoch:
            raise LeaseLostError(epoch=epoch)
        return current

    def renew(self, epoch: int, now_ns: int) -> Grant:
        """Let the grant with `epoch` live for another time to live; `LeaseLostError` as for `require`."""
        self._grant = replace(self.require(epoch, now_ns), expires_ns=now_ns + self._ttl_ns)
        return self._grant

    def release(self, epoch: int, now_ns: int) -> None:
        """End the grant with `epoch`; `LeaseLostError` as for `require`."""
        self.require(epoch, now_ns)
        self._grant = None

    def _busy(self, holder: str, current: Grant | None, now_ns: int) -> AgentBusyError:
        position, waiting_count = self._line.ask(holder, now_ns), self._line.count(now_ns)
        place = f"you are number {position} of {waiting_count} in line" if position else "the line is full, ask later"
        if current is None:
            owner, purpose, left_s = self._line.first(now_ns) or "", "", 0.0
            text = f"it is free, and {owner} waited longer"
        else:
            owner, purpose, left_s = current.holder, current.purpose, (current.expires_ns - now_ns) / 1e9
            text = f"leased by {owner} ({purpose}) for another {left_s:.0f} s, longer if it renews"
        return AgentBusyError(
            f"Agent {self._agent} is busy: {text}; {place}.",
            agent=self._agent,
            holder=owner,
            purpose=purpose,
            lease_left_s=round(left_s, 3),
            position=position,
            waiting_count=waiting_count,
        )
