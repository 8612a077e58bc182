"""One look at a meter, as it is stored."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

_MOST = 1e18


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Raw numbers by domain: counters as they are, not unwrapped."""

    begin_ns: int
    """CLOCK_MONOTONIC just before the meter was read."""
    end_ns: int
    """Just after."""
    values: Mapping[str, float]
    """Joules or watts, by the id of the domain."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why a domain has no value, by its id."""

    @property
    def middle_ns(self) -> int:
        """The moment that the numbers are taken to be of."""
        return (self.begin_ns + self.end_ns) // 2

    @property
    def took_s(self) -> float:
        """How uncertain that moment is."""
        return (self.end_ns - self.begin_ns) / 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of time, CLOCK_MONOTONIC."""

    begin_ns: int
    end_ns: int

    @property
    def middle_ns(self) -> int:
        """Its middle."""
        return (self.begin_ns + self.end_ns) // 2


def can_be_read(value: float) -> bool:
    """Return whether a meter may give this number: no meter counts `_MOST` joules in the age of the universe."""
    return math.isfinite(value) and abs(value) <= _MOST


@dataclass(frozen=True, slots=True)
class Absent:
    """Something that could not be measured, instead of its value."""

    reason: str
    """Why, for people."""
    remedy: str = ""
    """Command or edit that mends it; empty if nothing is known to."""
