"""What is found about a machine, and what is made of it."""

from dataclasses import dataclass
from enum import Enum


class FindingLevel(Enum):
    """What is made of a finding; ascending."""

    UNSPECIFIED = "unspecified"
    """Nothing."""
    WARN = "warn"
    """Good to know: absolute figures may be others elsewhere."""
    UNRELIABLE = "unreliable"
    """Figures are marked."""
    REFUSE = "refuse"
    """Figures are marked, and candidates are not ranked by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFinding:
    """Something about a machine that numbers suffer from."""

    key: str
    """Its name in the table."""
    level: FindingLevel
    concerns: tuple[str, ...]
    """Which figures suffer: time, memory, energy, gpu."""
    text: str
    """What was found, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """What a GPU was like while a visit ran, by NVML."""

    index: int
    name: str
    driver_version: str = ""
    clock_hz: float | None = None
    """Of its processors at the end; None where it is not told."""
    memory_clock_hz: float | None = None
    throttle_causes: tuple[str, ...] = ()
    """Why it was slowed down: power limit, heat, hardware slowdown, power brake."""
    power_capped_ns: int | None = None
    """How long it was slowed down to keep a power limit; None where it is not counted."""
    heat_capped_ns: int | None = None
    foreign_process_count: int = 0
    """Other processes that computed on it at the beginning or the end."""
    is_divided: bool = False
    """Whether it is divided into instances (MIG)."""
