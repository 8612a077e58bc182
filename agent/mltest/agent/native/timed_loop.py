"""The loop in C as Python sees it; imported in workers only."""

import ctypes
import resource
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.agent.worker.form import TimedCalls
from mltest.agent.worker.spread import Spread
from mltest.agent.worker.timing import SETTLE_CALLS, SETTLE_NS
from mltest.shared.errors import CallAbsentError, PredictionError

NativeCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
"""`mltest_call` of native_calls.h: (context, index of the batch) -> 0 if it went well."""


class _Walk(ctypes.Structure):
    _fields_ = (
        ("call", NativeCall),
        ("context", ctypes.c_void_p),
        ("batch_count", ctypes.c_uint64),
        ("position", ctypes.c_uint64),
    )


class _Slice(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("settle_calls", "settle_ns", "slice_ns", "max_values", "min_values", "calls_per_value", "calls_between"),
            *("started_ns", "ended_ns", "value_count"),
        )
    )


def load_library(path: Path) -> ctypes.CDLL:
    """Load what `compiled_loop` made.

    Raises:
        CallAbsentError: it cannot be loaded, for example because its folder is mounted without the right to execute.

    """
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CallAbsentError(detail=f"the compiled loop cannot be loaded from {path.parent} ({error})") from error


def pointers_of(batches: Sequence[NDArray[np.floating]]) -> "ctypes.Array[ctypes.c_void_p]":
    """Return the addresses of `batches` as C takes them, which have to live as long as these are used."""
    return (ctypes.c_void_p * len(batches))(*(batch.ctypes.data for batch in batches))


class TimedLoop:
    """Goes through the batches of one native call in a circle, slice after slice."""

    def __init__(
        self,
        library: ctypes.CDLL,
        call: "ctypes._FuncPointer",
        context: ctypes.c_void_p,
        batch_count: int,
        failure: Callable[[], str],
    ) -> None:
        self._time_slice = library.mltest_time_slice
        self._call = ctypes.cast(call, NativeCall)
        self._context = context
        self._walk = _Walk(self._call, context, batch_count, 0)
        self._failure = failure
        self._values_ns: NDArray[np.uint64] = np.ones(0, dtype=np.uint64)

    def call(self, batch_index: int) -> None:
        """Call once, untimed.

        Raises:
            PredictionError: the runtime says so.

        """
        self._check(self._call(self._context, batch_index))

    def call_next(self) -> None:
        """Call with the batch whose turn it is, untimed; raises as `call` does."""
        position = self._walk.position
        self._walk.position = (position + 1) % self._walk.batch_count
        self.call(position)

    def timed(self, slice_ns: int, spread: Spread) -> TimedCalls:
        """Time calls for `slice_ns`; at least one value; raises as `call` does."""
        most, fewest = spread.max_values, spread.min_values
        asked = _Slice(SETTLE_CALLS, SETTLE_NS, slice_ns, most, fewest, spread.calls_per_value)
        asked.calls_between = spread.untimed_calls
        if len(self._values_ns) < spread.max_values:
            # Written to at once, so that no page of it is missing when a call is timed.
            self._values_ns = np.ones(spread.max_values, dtype=np.uint64)
        values = ctypes.c_void_p(self._values_ns.ctypes.data)
        faults = _minor_faults()
        self._check(self._time_slice(ctypes.byref(self._walk), ctypes.byref(asked), values))
        return TimedCalls(
            started_monotonic_ns=asked.started_ns,
            values_ns=self._values_ns[: asked.value_count].tolist(),
            measuring_ns=asked.ended_ns - asked.started_ns,
            calls_per_value=spread.calls_per_value,
            minor_faults=_minor_faults() - faults,
            is_clipped=asked.ended_ns < asked.started_ns + slice_ns,
        )

    def _check(self, status: int) -> None:
        if status:
            raise PredictionError(detail=f"native call: {self._failure()}")


def _minor_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
