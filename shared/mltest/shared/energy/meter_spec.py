"""What a meter says of itself: what its numbers cover, and how exact they are."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from mltest.shared.energy.domain import Domain


class MeterKind(Enum):
    """What one number of a meter is."""

    COUNTER = "counter"
    """Joules since some moment."""
    POWER = "power"
    """Watts, now or over the averaging window."""


class Origin(Enum):
    """Where the update period of a meter is known from; an earlier member is better."""

    PROBED = "probed"
    DRIVER = "driver"
    DATASHEET = "datasheet"


@dataclass(frozen=True, kw_only=True)
class MeterSpec:
    """One meter of one machine."""

    meter: str
    """Name of the plug-in: rapl-powercap, nvml."""
    source: str
    """Where its numbers come from, for people."""
    kind: MeterKind
    domains: tuple[Domain, ...]
    update_s: float
    """Period in which its numbers change."""
    update_origin: Origin = Origin.DATASHEET
    averaging_s: float = 0.0
    """Span that one number of a power meter is the mean of; 0 for a momentary value."""
    coverage_ratio: float = 1.0
    """Share of the time that its sensor sees, 0 to 1."""
    gain_u_ratio: float = 0.0
    """Standard uncertainty of its scale; it cancels in comparisons on the same meter."""
    floor_s: float = 0.0
    """Shortest window that it is used with, whatever the arithmetic says."""
    target_ratio: float = 0.005
    """Standard error of one window that is aimed at."""
    heartbeat_s: float | None = None
    """It has to be read at least so often, so that no wrap is missed; None where it does not wrap."""
    is_estimate: bool = False
    """Whether its numbers are a model's, and not measured: they never share a ranking with measurements."""
    is_exclusive: bool = False
    """Whether only one reader may exist at a time."""
    note: str = ""
    """What has to be known of it, for people; empty if nothing."""

    @cached_property
    def by_id(self) -> dict[str, Domain]:
        """Domains by their id."""
        return {domain.id: domain for domain in self.domains}

    @property
    def lag_s(self) -> float:
        """How late a change of power is seen on average, where it comes at any moment of a period.

        A sample is held for a period and is the mean of the span before it. A counter whose sensor looks for a part of
        each period takes that part for all of it, so it is late by half of that part only.
        """
        if self.kind is MeterKind.COUNTER:
            return self.update_s * self.coverage_ratio / 2
        return (self.update_s + self.averaging_s) / 2

    @property
    def poll_s(self) -> float:
        """Period in which a power meter is read: no shorter than its update period, nor than 5 ms."""
        return max(self.update_s, MIN_POLL_S)


MIN_POLL_S = 0.005
"""Reading more often slows the work that is measured (arXiv 2604.26815), and sees nothing new."""
