"""The forms of a call that are timed: as users call it, the leanest that Python allows, native, and the conversion.

A form is bound to one model and to the batches of one batch size. What its call answered is brought into a common shape
by the runtime (`OpenModel.answer`), outside of any timing. This module imports no library.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PYTHON_CALL = "latency_ns"
"""The call as users of the runtime write it."""
LEAN_CALL = "lean_latency_ns"
NATIVE_CALL = "native_latency_ns"
CONVERSION = "conversion_ns"
METRICS = (PYTHON_CALL, LEAN_CALL, NATIVE_CALL, CONVERSION)
"""Keys of the forms, as in `LatencySpec.metrics`."""

MAX_VALUES = 200_000
"""Of one slice; keeps one series far below the size of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCalls:
    """What one slice measured."""

    started_monotonic_ns: int
    values_ns: list[int]
    """In the order in which they were measured; at least one."""
    measuring_ns: int
    """From the first timed call to the end of the last one."""
    calls_per_value: int = 1
    """More than one where a call is too short to be timed alone: each value is the time of that many together."""
    minor_faults: int = 0
    """Page faults of the process meanwhile that needed no disk."""
    is_clipped: bool = False
    """Whether it ended before its time, by its number of calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """How warming up ended."""

    call_ns: float
    """Time of one call in the end, the median of the last third."""
    is_steady: bool
    """Whether the last calls took the same time as those before them."""


class Form(Protocol):
    """One form of a call with one batch size."""

    def warm(self, warmup_ns: int) -> WarmUp:
        """Call untimed for at least `warmup_ns`, until the calls are steady or the time for that is over."""
        ...

    def timed(self, slice_ns: int, max_values: int) -> TimedCalls:
        """Time at most `max_values` calls (0: as many as fit), spread evenly over `slice_ns`; at least one.

        `warm` came before it. What it goes over goes on where the last slice stopped, so that all rows are visited.
        """
        ...

    def answers(self) -> "Iterator[tuple[int, NDArray[np.generic]]]":
        """Yield (number of the first row, answer of the timed call itself), batch after batch, for every row once.

        An answer is what `OpenModel.answer` returns for it, of as many rows as a batch has; rows behind the last one
        of the dataset start again at the first. It belongs to who takes it: a later call does not change it.
        """
        ...


@runtime_checkable
class RepeatedForm(Form, Protocol):
    """A form that can also be called a number of times, as energy is measured."""

    def repeated(self, call_count: int) -> int:
        """Make exactly so many calls, untimed each, going on where the last stopped; return what they took in ns."""
        ...
