"""Energy in the visits of a job: what an agent is asked to measure, and the raw readings that come back."""

from dataclasses import dataclass, field
from enum import Enum

FIRST_ENERGY_ROUND = 1_000_000
"""Rounds of visits that measure energy count from here: they are rounds of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySpec:
    """How energy is measured: one candidate after the other, each alone on the machine."""

    batch_sizes: tuple[int, ...]
    """Rows per call, each greater than zero."""
    meters: tuple[str, ...] = ()
    """Shell patterns of their names; empty: every meter that can be read."""
    boundary: str = ""
    """Only meters that have it; empty: each at every boundary of its own."""
    target_ratio: float = 0.0
    """Standard error of one window that is aimed at; 0: what the meter's specification says."""
    max_window_ns: int
    """No load window is planned longer than this."""
    warmup_ns: int
    """Untimed calls before the first window take at least this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyCalls:
    """How many calls a load window of one candidate has: the same in each round."""

    batch_size: int
    call_count: int


class EnergyWindowKind(Enum):
    """What happened in a window."""

    UNSPECIFIED = "unspecified"
    IDLE = "idle"
    """Only the agent was there."""
    BEFORE = "before"
    """The model was loaded, its process alive, and nothing was inferred; before the load."""
    LOAD = "load"
    """Exactly so many calls, one after the other."""
    AFTER = "after"
    """As before, behind the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyWindow:
    """A span of time on the agent's CLOCK_MONOTONIC."""

    kind: EnergyWindowKind
    begin_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainReadings:
    """The numbers of one domain, one for each reading."""

    domain_id: str
    values: tuple[float, ...]
    """Joules or watts as they were read, not unwrapped; 0 where there is none."""
    absent_places: tuple[int, ...] = ()
    """Numbers of the readings, from 0, in which it has no value."""
    absent_reason: str = ""
    """Why it had none the last time; empty if it always had one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundState:
    """What the machine was like from the first window of a round to its last."""

    foreign_cores: float | None = None
    """Processors that others used on average; None where it cannot be read."""
    is_throttled: bool = False
    slept_ns: int = 0
    """Time that the machine was suspended."""
    faults: tuple[str, ...] = ()
    """Further reasons why this round is not sound, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRecorded:
    """What one meter gave in one round of one candidate, with all that is needed to compute energy from it again."""

    candidate_id: str = ""
    """Empty: of the agent alone."""
    batch_size: int = 0
    """Rows per call; 0 where nothing was inferred."""
    try_index: int = 0
    """Counts from 0; a second try follows one that was not sound."""
    meter_json: str
    """Specification of the meter, as in the first line of a recording."""
    windows: tuple[EnergyWindow, ...] = ()
    call_count: int = 0
    """Calls in the load window."""
    calls_ns: int = 0
    """What they took by the clock of the worker."""
    begin_ns: tuple[int, ...] = ()
    """CLOCK_MONOTONIC before each reading, in order."""
    took_ns: tuple[int, ...] = ()
    """How long each reading took."""
    domains: tuple[DomainReadings, ...] = ()
    state: RoundState = field(default_factory=RoundState)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyAbsent:
    """Energy that could not be measured in a round."""

    candidate_id: str = ""
    """Empty: of every candidate."""
    batch_size: int = 0
    meter: str = ""
    reason: str
    remedy: str = ""
    """Command that mends it; empty if nothing is known to."""
