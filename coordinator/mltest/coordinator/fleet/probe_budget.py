"""Bounds how often strangers that mDNS names are asked who they are, and who of them comes first.

Anybody on the network can advertise agents that do not exist. Agents that answered before are always asked; others cost
a token each, which comes back if they answer.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

PROBES_PER_MINUTE = 200
_BURST = PROBES_PER_MINUTE // 2
_TOKENS_PER_S = _BURST / 60.0
"""A full bucket and a minute's refill are `PROBES_PER_MINUTE` together."""
_MAX_FAILURES = 16_384

LeadT = TypeVar("LeadT")


class ProbeBudget:
    """Tokens, and the addresses that cost one for nothing."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._tokens = float(_BURST)
        self._filled_s: float | None = None
        self._failed: Counter[str] = Counter()

    def take(self) -> bool:
        """Take a token; return whether there was one."""
        now_s = self._clock()
        if self._filled_s is not None:
            self._tokens = min(_BURST, self._tokens + (now_s - self._filled_s) * _TOKENS_PER_S)
        self._filled_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def answered(self, address: str) -> None:
        """Give the token back: there is an agent."""
        self._tokens = min(_BURST, self._tokens + 1.0)
        del self._failed[address]

    def failed(self, address: str) -> None:
        """Note that nobody to work with was there."""
        if len(self._failed) < _MAX_FAILURES:
            self._failed[address] += 1

    def in_turn(self, leads: Sequence[LeadT], address_of: Callable[[LeadT], str], chance: random.Random) -> list[LeadT]:
        """Return `leads` in the order in which they are asked.

        Each host gets its turn before one gets its second, so that one that advertises thousands is heard as often as
        one that advertises one; what failed less often comes first, and chance decides the rest.
        """
        shuffled = sorted(leads, key=lambda lead: (self._failed[address_of(lead)], chance.random()))
        turns: Counter[str] = Counter()
        order: list[tuple[int, int, LeadT]] = []
        for number, lead in enumerate(shuffled):
            host = address_of(lead).rpartition(":")[0]
            order.append((turns[host] + self._failed[address_of(lead)], number, lead))
            turns[host] += 1
        return [lead for _, _, lead in sorted(order, key=lambda entry: entry[:2])]
