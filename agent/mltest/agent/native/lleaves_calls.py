"""A function that lleaves compiled, called by the compiled loop; for workers only."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.agent.native.native_form import Batches, NativeForm
from mltest.agent.native.timed_loop import load_library, pointers_of
from mltest.agent.worker.form import Form


class _Calls(ctypes.Structure):
    """`struct mltest_lleaves` of lleaves_calls.c."""

    _fields_ = (
        ("function", ctypes.c_void_p),
        ("batches", ctypes.POINTER(ctypes.c_void_p)),
        ("row_count", ctypes.c_int32),
        ("output", ctypes.c_void_p),
    )


def native_calls(
    function: Any,
    batches: Batches,
    output: NDArray[np.generic],
    answer: Callable[[object, int], NDArray[np.generic]],
    loop_library: Path,
) -> Form:
    """Return the form whose calls `loop_library` makes; all write into `output`."""
    library = load_library(loop_library)
    return NativeForm(library, lambda chunk: _NativeCalls(library, function, chunk, output), batches, answer)


class _NativeCalls:
    def __init__(self, library: ctypes.CDLL, function: Any, batches: Batches, output: NDArray[np.generic]) -> None:
        self.call = library.mltest_lleaves_call
        self.output = output
        self._kept = (function, batches, pointers_of(batches))
        self._calls = _Calls(ctypes.cast(function, ctypes.c_void_p), self._kept[2], len(batches[0]), output.ctypes.data)
        self.context = ctypes.cast(ctypes.pointer(self._calls), ctypes.c_void_p)

    def failure(self) -> str:
        """Return nothing: such a function has no way to fail."""
        return ""
