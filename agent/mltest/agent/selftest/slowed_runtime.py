"""A runtime that makes the calls of another one slower, or wrong, on purpose, so that the truth is known.

It is not offered to anybody: only the selftests name it. A slowed call really takes longer, by work that the same
process does right behind it; nothing is added to a measured number.
"""

import importlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime_named
from mltest.agent.runtimes.role import OpenModel, Runtime, RuntimeNeeds
from mltest.shared.domain import VisitCandidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.shared.native.predictions import Predictions

    Call = Callable[["NDArray[np.floating]"], object]

PAD_NS = 1000
WRAPPING_NS = 200
"""About what a wrapped call takes beside the call itself and its pad."""
SHIFT = 1e-4
HARMED_ROW = 777
"""Number of the row whose answer is harmed; the dataset has more."""


class SlowedRuntime:
    """Opens another runtime and changes its calls."""

    needs = RuntimeNeeds(name="selftest", formats=(), packages=(), modules=(), extra="selftest")

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open `artifact` with the runtime that the option `inner` names.

        Further options: `slow_ratio`, the share of its own time by which a call takes longer; `stall_ns`, how much
        longer the first call of each second takes; `harm` (flip, shift), what is done to the answer for one row;
        `harm_batch_size`, the only batch size at which that is done; `forbidden`, modules separated by commas that must
        not be loaded in this process.
        """
        runtime = runtime_named(candidate.options["inner"])
        # In the order in which a worker does it: how a process was built up moves its times by several percent.
        for module in runtime.needs.modules:
            importlib.import_module(module)
        return _ChangedModel(runtime.open(artifact, candidate), candidate.options)


RUNTIME: Runtime = SlowedRuntime()


class _ChangedModel:
    def __init__(self, inner: OpenModel, options: Mapping[str, str]) -> None:
        self._inner = inner
        self._options = options
        self._marked: NDArray[np.floating] | None = None
        self.predict = self._changed()

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        prepared = self._inner.prepare(rows)
        if len(prepared) > HARMED_ROW:
            self._marked = prepared[HARMED_ROW].copy()
        return prepared

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        return self._inner.answer(output, row_count)

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        return self._inner.predictions(batch)

    def _changed(self) -> "Call":
        call: Call = self._inner.predict
        if modules := self._options.get("forbidden"):
            call = _refusing(call, modules.split(","))
        if harm := self._options.get("harm"):
            call = self._harmed(call, harm, int(self._options.get("harm_batch_size", "0")))
        if stall_ns := int(self._options.get("stall_ns", "0")):
            call = _stalled(call, stall_ns)
        if (slow_ratio := self._options.get("slow_ratio")) is not None:
            call = slowed(call, float(slow_ratio))
        return call

    def _harmed(self, call: "Call", harm: str, only_batch_size: int) -> "Call":
        def harmed(batch: "NDArray[np.floating]") -> object:
            answer = call(batch)
            if self._marked is None or only_batch_size not in (0, len(batch)):
                return answer
            for index in (batch == self._marked).all(axis=1).nonzero()[0]:
                answer = _with_harm(answer, int(index), len(batch), harm)
            return answer

        return harmed


def slowed(call: "Call", slow_ratio: float) -> "Call":
    """Return `call` with work behind it, so that it takes `slow_ratio` longer than the same with a ratio of 0.

    Both work for PAD_NS at least: what the wrapping does until it looks at the clock again is hidden in that time. Only
    a ratio to one with a ratio of 0 is known; the bare call is faster by the wrapping and its pad.
    """
    clock = time.perf_counter_ns
    fixed_ns = PAD_NS + slow_ratio * (PAD_NS + WRAPPING_NS)

    def slow(batch: "NDArray[np.floating]") -> object:
        begin_ns = clock()
        answer = call(batch)
        end_ns = clock()
        deadline_ns = end_ns + (end_ns - begin_ns) * slow_ratio + fixed_ns
        while clock() < deadline_ns:
            pass
        return answer

    return slow


def _stalled(call: "Call", stall_ns: int) -> "Call":
    last_second = time.perf_counter_ns() // 10**9

    def stalled(batch: "NDArray[np.floating]") -> object:
        nonlocal last_second
        second = time.perf_counter_ns() // 10**9
        if second != last_second:
            last_second = second
            time.sleep(stall_ns / 1e9)
        return call(batch)

    return stalled


def _refusing(call: "Call", modules: list[str]) -> "Call":
    import sys

    from mltest.shared.errors import PredictionError

    def refusing(batch: "NDArray[np.floating]") -> object:
        if found := [name for name in modules if name in sys.modules]:
            raise PredictionError(detail=f"loaded in the worker: {', '.join(found)}")
        return call(batch)

    return refusing


def _with_harm(answer: object, index: int, row_count: int, harm: str) -> object:
    """Return a copy of `answer` in which the scores of one row are shifted, or its best class is another one."""
    import numpy as np

    harmed = np.array(answer)
    row = harmed.reshape(row_count, -1)[index]
    if harm == "shift":
        row += SHIFT
    else:
        best, least = row.argmax(), row.argmin()
        row[best], row[least] = row[least], row[best]
    return harmed
