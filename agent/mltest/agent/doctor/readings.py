"""What the doctor looks at: measured and read values, before anything is said of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from mltest.agent.host.processor_quota import ProcessorQuota
from mltest.shared.domain import MachineState


@dataclass(frozen=True, slots=True, kw_only=True)
class Hiccups:
    """Gaps in a loop that only reads the clock: time in which it did not run."""

    span_ns: int
    """How long the loop took."""
    threshold_ns: int
    """Shorter gaps are not counted."""
    count: int
    largest_ns: int
    lost_ns: int
    """All gaps together."""

    @property
    def lost_ratio(self) -> float:
        """Share of the time that was lost, 0 to 1."""
        return self.lost_ns / self.span_ns if self.span_ns else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """The clock that calls are timed with, time.perf_counter_ns."""

    resolution_ns: int
    """Smallest step that was seen."""
    cost_ns: float
    """Of one reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NullCall:
    """A timed call of a function that does nothing, in a fresh process: the floor of every measurement."""

    p50_ns: float
    p99_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignProcess:
    """A process that used processor time and does not belong to the measurement."""

    pid: int
    name: str
    """Printable and short."""
    user: str
    unit: str
    """Service of systemd that it belongs to; empty if none."""
    is_kernel: bool
    processors: float
    """How many processors it kept busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """All of it. None where something cannot be read."""

    state: MachineState
    """As a visit would report it."""
    usable_cpus: int
    online_cpus: int
    hiccups: Hiccups
    timer: Timer
    null_call: NullCall | None
    foreign: tuple[ForeignProcess, ...]
    """Busiest first."""
    sleepers: Mapping[str, str]
    """Services that idle now and may start to work at any time, and what stops each."""
    quota: ProcessorQuota | None
    quota_frozen_count: int | None
    """Periods in which the quota froze this process while the doctor measured."""
    throttled_since_start: tuple[str, ...]
    is_on_battery: bool | None
    is_virtual: bool

    @property
    def settings(self) -> Mapping[str, str]:
        """Settings of the machine by name."""
        return self.state.settings
