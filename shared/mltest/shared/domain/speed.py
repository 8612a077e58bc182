"""How fast a machine did a small fixed piece of work, and what two such checks say."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedProcess:
    """One process of a speed check."""

    cpu: int
    """The processor it ran on."""
    part_ns: Mapping[str, int] = field(default_factory=dict)
    """Lower quartile of the times of each part of the work: integer, float, memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedCheck:
    """How fast the machine did the work, at one time."""

    work: str
    """What was done; only checks of the same work can be compared."""
    checked_unix_ns: int
    processes: tuple[SpeedProcess, ...] = ()
    """Fresh ones; two checks of a machine use the same processors in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDrift:
    """One part of the work, before and after."""

    part: str
    before_ns: float
    after_ns: float
    ratio: float
    """The latter divided by the former: above 1 the machine is slower after."""
    low: float | None = None
    """Lower end of the interval of the ratio; None where one process is all there is."""
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedDrift:
    """Whether a machine was as fast after as before."""

    parts: tuple[PartDrift, ...] = ()
    is_drifted: bool = False
    """Whether a part changed by more than its own noise, and by enough to matter."""
    reason: str = ""
    """Why nothing can be said; empty if something can."""
