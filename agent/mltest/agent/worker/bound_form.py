"""A form of a call made of Python callables, one bound to each batch."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from mltest.agent.worker.form import TimedCalls, WarmUp
from mltest.agent.worker.spread import spread_of
from mltest.agent.worker.timing import Call, Walk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Answer = Callable[[object, int], "NDArray[np.generic]"]
"""Brings what a call returned for a number of rows into the common shape, as `OpenModel.answer`."""


class BoundForm:
    """Goes over `calls`, each of which takes `batch_size` rows, in a circle."""

    def __init__(self, calls: Sequence[Call], batch_size: int, answer: Answer) -> None:
        self._calls = calls
        self._batch_size = batch_size
        self._answer = answer
        self._walk = Walk(calls)
        self._call_ns = 0.0

    def warm(self, warmup_ns: int) -> WarmUp:
        """Call untimed until the calls are steady, or the time for that is over."""
        warm_up = self._walk.warm(warmup_ns)
        self._call_ns = warm_up.call_ns
        return warm_up

    def timed(self, slice_ns: int, max_values: int) -> TimedCalls:
        """Time at most `max_values` values (0: as many as fit), spread over `slice_ns`."""
        return self._walk.timed(slice_ns, spread_of(self._call_ns, slice_ns, max_values, len(self._calls)))

    def repeated(self, call_count: int) -> int:
        """Make exactly so many calls; return what they took in ns."""
        return self._walk.repeated(call_count)

    def answers(self) -> "Iterator[tuple[int, NDArray[np.generic]]]":
        """Yield the first row and the answer of each call."""
        for index, call in enumerate(self._calls):
            yield index * self._batch_size, self._answer(call(), self._batch_size)
