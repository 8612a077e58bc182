"""The native form of a call: timed by the loop in C, around the C interface of a runtime; imported in workers only."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mltest.agent.native.timed_loop import TimedLoop
from mltest.agent.runtimes.role import NativeModel, OpenModel
from mltest.agent.worker.form import Form, TimedCalls, WarmUp
from mltest.agent.worker.spread import Spread, spread_of
from mltest.agent.worker.warm_up import warmed
from mltest.shared.errors import CallAbsentError, PredictionError

MAX_BOUND = 4096
"""Batches that are bound at a time; the timed calls go over the first so many."""

_ESTIMATE = Spread(calls_per_value=1, untimed_calls=0, max_values=300)
_ESTIMATE_NS = 5_000_000
"""A slice at the end of warming up: how long a call takes without what calling it from Python costs."""

Batches = Sequence[NDArray[np.floating]]
Answer = Callable[[object, int], "NDArray[np.generic]"]


class NativeCalls(Protocol):
    """Batches of one size that are bound to the C interface of a runtime."""

    context: ctypes.c_void_p
    """What `call` is given."""
    output: NDArray[np.generic]
    """Where every call writes its output."""

    @property
    def call(self) -> "ctypes._FuncPointer":
        """The function of the compiled library that calls the runtime."""
        ...

    def failure(self) -> str:
        """Return why the last call failed."""
        ...


Bind = Callable[[Batches], NativeCalls]


def native_form(model: OpenModel, batches: Batches, loop_library: Callable[[], Path]) -> Form:
    """Return the native form of `model` over `batches`; `loop_library` returns where the compiled loop is.

    Raises:
        CallAbsentError: the runtime has no C interface, or there is no loop; what mends it is said.

    """
    if not isinstance(model, NativeModel):
        raise CallAbsentError(detail="this runtime has no C interface that mltest knows of")
    return model.native_calls(batches, loop_library)


class NativeForm:
    """Calls over `batches`, all of one size; `bind` binds some of them, `answer` is that of the open model."""

    def __init__(self, library: ctypes.CDLL, bind: Bind, batches: Batches, answer: Answer) -> None:
        self._library = library
        self._bind = bind
        self._batches = batches
        self._answer = answer
        self._calls = bind(batches[:MAX_BOUND])
        self._loop = self._loop_over(self._calls, len(batches[:MAX_BOUND]))
        self._call_ns = 0.0
        try:
            self._loop.call(0)
        except PredictionError as error:
            raise CallAbsentError(detail=error.message) from error

    def warm(self, warmup_ns: int) -> WarmUp:
        """Call untimed until the calls are steady, or the time for that is over."""
        is_steady = warmed(self._loop.call_next, warmup_ns).is_steady
        values_ns = sorted(self._loop.timed(_ESTIMATE_NS, _ESTIMATE).values_ns)
        self._call_ns = float(values_ns[len(values_ns) // 2])
        return WarmUp(call_ns=self._call_ns, is_steady=is_steady)

    def timed(self, slice_ns: int, max_values: int) -> TimedCalls:
        """Time at most `max_values` values (0: as many as fit), spread over `slice_ns`."""
        count = len(self._batches[:MAX_BOUND])
        return self._loop.timed(slice_ns, spread_of(self._call_ns, slice_ns, max_values, count))

    def answers(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Yield the first row and the answer of each batch."""
        size = len(self._batches[0])
        for start in range(0, len(self._batches), MAX_BOUND):
            chunk = self._batches[start : start + MAX_BOUND]
            calls = self._bind(chunk) if start else self._calls
            loop = self._loop_over(calls, len(chunk))
            for index in range(len(chunk)):
                loop.call(index)
                yield (start + index) * size, self._answer(calls.output, size)

    def _loop_over(self, calls: NativeCalls, count: int) -> TimedLoop:
        return TimedLoop(self._library, calls.call, calls.context, count, calls.failure)
