"""A function compiled from C, called by the compiled loop or by ctypes; for workers only."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.agent.native.native_form import Batches, NativeForm
from mltest.agent.native.timed_loop import load_library, pointers_of
from mltest.agent.worker.form import Form
from mltest.shared.native.c_library import Predict


class _Calls(ctypes.Structure):
    """`struct mltest_compiled` of compiled_calls.c."""

    _fields_ = (
        ("function", ctypes.c_void_p),
        ("batches", ctypes.POINTER(ctypes.c_void_p)),
        ("row_count", ctypes.c_size_t),
        ("output", ctypes.c_void_p),
    )


def lean_calls(
    predict: Predict, batches: Batches, output: NDArray[np.generic]
) -> list[Callable[[], NDArray[np.generic]]]:
    """Return calls with every pointer made beforehand; all write into `output`, and return it."""
    return [_lean_call(predict, batch, output) for batch in batches]


def native_calls(
    predict: Predict,
    batches: Batches,
    output: NDArray[np.generic],
    answer: Callable[[object, int], NDArray[np.generic]],
    loop_library: Path,
) -> Form:
    """Return the form whose calls `loop_library` makes; all write into `output`."""
    library = load_library(loop_library)
    return NativeForm(library, lambda chunk: _NativeCalls(library, predict, chunk, output), batches, answer)


class _NativeCalls:
    def __init__(self, library: ctypes.CDLL, predict: Predict, batches: Batches, output: NDArray[np.generic]) -> None:
        self.call = library.mltest_compiled_call
        self.output = output
        self._kept = (predict, batches, pointers_of(batches))
        self._calls = _Calls(
            ctypes.cast(predict, ctypes.c_void_p),  # type: ignore[arg-type]  # a function of ctypes, which has no type
            self._kept[2],
            len(batches[0]),
            output.ctypes.data,
        )
        self.context = ctypes.cast(ctypes.pointer(self._calls), ctypes.c_void_p)

    def failure(self) -> str:
        """Return nothing: such a function has no way to fail."""
        return ""


def _lean_call(
    predict: Predict, batch: NDArray[np.floating], output: NDArray[np.generic]
) -> Callable[[], NDArray[np.generic]]:
    rows, count = ctypes.c_void_p(batch.ctypes.data), ctypes.c_size_t(len(batch))
    written = ctypes.c_void_p(output.ctypes.data)
    # C knows only where they begin: they have to live as long as the call.
    kept = (batch, output)

    def call() -> NDArray[np.generic]:
        predict(rows, count, written)
        return kept[1]

    return call
