"""Treelite's inference library called through its C interface, by the compiled loop or by ctypes; for workers only."""

import ctypes
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.agent.native.native_form import Batches, NativeForm
from mltest.agent.native.timed_loop import load_library, pointers_of
from mltest.agent.worker.form import Form
from mltest.shared.errors import CallAbsentError, PredictionError


class _Calls(ctypes.Structure):
    """`struct mltest_treelite` of treelite_calls.c."""

    _fields_ = (
        ("predict", ctypes.c_void_p),
        ("model", ctypes.c_void_p),
        ("config", ctypes.c_void_p),
        ("dtype", ctypes.c_char_p),
        ("batches", ctypes.POINTER(ctypes.c_void_p)),
        ("row_count", ctypes.c_uint64),
        ("output", ctypes.c_void_p),
    )


class TreeliteInterface:
    """What the calls of one model need, found once."""

    def __init__(self, model: Any, threads: int) -> None:
        self.model = model
        self.library = _library()
        self.predict = self.library.TreeliteGTILPredict
        self.dtype: bytes = model.input_type.encode()
        self.config = ctypes.c_void_p()
        wanted = json.dumps({"predict_type": "default", "nthread": threads}).encode()
        if self.library.TreeliteGTILParseConfig(wanted, ctypes.byref(self.config)):
            raise CallAbsentError(detail=f"treelite does not take its configuration ({self.failure()})")

    def failure(self) -> str:
        """Return what treelite says of its last failure."""
        text: bytes = self.library.TreeliteGetLastError() or b""
        return text.decode(errors="replace").strip().split("\n")[0][:300]


def lean_calls(
    interface: TreeliteInterface, batches: Batches, output: NDArray[np.generic]
) -> list[Callable[[], object]]:
    """Return calls by ctypes, with every pointer made beforehand; all write into `output`, and return it."""
    return [_lean_call(interface, batch, output) for batch in batches]


def native_calls(
    interface: TreeliteInterface,
    batches: Batches,
    output: NDArray[np.generic],
    answer: Callable[[object, int], NDArray[np.generic]],
    loop_library: Path,
) -> Form:
    """Return the form whose calls `loop_library` makes; all write into `output`."""
    library = load_library(loop_library)
    return NativeForm(library, lambda chunk: _NativeCalls(library, interface, chunk, output), batches, answer)


class _NativeCalls:
    def __init__(
        self, library: ctypes.CDLL, interface: TreeliteInterface, batches: Batches, output: NDArray[np.generic]
    ) -> None:
        self.call = library.mltest_treelite_call
        self.failure = interface.failure
        self.output = output
        self._kept = (interface, batches, pointers_of(batches))
        self._calls = _Calls(
            ctypes.cast(interface.predict, ctypes.c_void_p),
            interface.model.handle,
            interface.config,
            interface.dtype,
            self._kept[2],
            len(batches[0]),
            output.ctypes.data,
        )
        self.context = ctypes.cast(ctypes.pointer(self._calls), ctypes.c_void_p)


def _lean_call(
    interface: TreeliteInterface, batch: NDArray[np.floating], output: NDArray[np.generic]
) -> Callable[[], object]:
    predict, model, dtype, config = interface.predict, interface.model.handle, interface.dtype, interface.config
    kind, rows, count = ctypes.c_char_p(dtype), ctypes.c_void_p(batch.ctypes.data), ctypes.c_uint64(len(batch))
    written = ctypes.c_void_p(output.ctypes.data)
    # C knows only where they begin: they have to live as long as the call.
    kept = (interface, batch, output)

    def call() -> object:
        if predict(model, rows, kind, count, written, config):
            raise PredictionError(detail=interface.failure())
        return kept[2]

    return call


def _library() -> ctypes.CDLL:
    from treelite.libpath import find_lib_path

    library = ctypes.CDLL(str(find_lib_path()[0]))
    library.TreeliteGetLastError.restype = ctypes.c_char_p
    return library
