"""What one number of a meter covers."""

from dataclasses import dataclass
from enum import Enum


class Scope(Enum):
    """How much of a machine something covers."""

    WALL = "wall"
    """All of it, with its power supply."""
    BOARD = "board"
    """All of a board, behind its power supply."""
    MODULE = "module"
    """Processor, memory and GPU of one module."""
    PACKAGE = "package"
    """One processor package."""
    DRAM = "dram"
    CORE = "core"
    """Cores of a processor, or another part of a package."""
    GPU = "gpu"
    """One GPU with its memory."""
    RAIL = "rail"
    """One supply of something."""
    SIMULATED = "simulated"
    """Nothing: a meter that pretends."""
    UNKNOWN = "unknown"
    """Nobody knows: recorded, never ranked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A part of the machine that has a number of its own.

    Numbers are joules where the meter counts, else watts.
    """

    id: str
    """cpu.package-0, rail.VDD_IN, gpu.0, wall."""
    scope: Scope
    parent: str = ""
    """Id of the domain that contains it; empty if none of this meter does."""
    parts: tuple[str, ...] = ()
    """Ids of the domains that it is the sum of; empty if it is read."""
    resolution: float = 0.0
    """Smallest step, in joules or watts; 0 for one with parts."""
    wrap_j: float | None = None
    """The counter starts at 0 again at this many joules; None if it never does."""
    offset_u_w: float = 0.0
    """Standard uncertainty of its zero."""
    factor: float = 1.0
    """What the sum of its parts is multiplied by: for estimates."""
    added_w: float = 0.0
    """What is added to that."""
