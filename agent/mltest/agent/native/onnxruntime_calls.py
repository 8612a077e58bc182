"""ONNX Runtime called through its C interface by the compiled loop; for workers only.

The package of ONNX Runtime brings its C library beside the module that Python loads. The two know nothing of each
other, so the graph is opened once more, with the same options.
"""

import ctypes
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.agent.native.native_form import Batches, NativeForm
from mltest.agent.native.timed_loop import load_library, pointers_of
from mltest.agent.worker.form import Form
from mltest.shared.errors import CallAbsentError

_MESSAGE_BYTES = 300
"""MESSAGE_BYTES of onnxruntime_calls.c."""
_ELEMENTS = {"float32": 1, "int32": 6, "int64": 7, "float64": 11}
"""ONNXTensorElementDataType of onnxruntime_c_api.h."""


class _Array(ctypes.Structure):
    """`struct mltest_array` of onnxruntime_calls.c."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("byte_count", ctypes.c_size_t),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("dimension_count", ctypes.c_size_t),
        ("element", ctypes.c_int),
    )


class CSession:
    """A graph that is open in ONNX Runtime's C library."""

    def __init__(self, loop_library: Path, artifact: Path, threads: int) -> None:
        self.library = load_library(loop_library)
        _declare(self.library)
        runtime = ctypes.CDLL(str(_runtime_library()))
        base = ctypes.cast(runtime.OrtGetApiBase, ctypes.c_void_p)
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        self.handle: int = self.library.mltest_onnxruntime_open(base, str(artifact).encode(), threads, message)
        if not self.handle:
            text = message.value.decode(errors="replace").split("\n")[0]
            raise CallAbsentError(detail=f"ONNX Runtime's C library cannot open the graph ({text})")
        weakref.finalize(self, self.library.mltest_onnxruntime_close, self.handle)

    def failure(self) -> str:
        """Return what ONNX Runtime says of its last failure."""
        text: bytes = self.library.mltest_onnxruntime_message(self.handle) or b""
        return text.decode(errors="replace").split("\n")[0]


def native_calls(
    session: CSession,
    names: tuple[str, str],
    batches: Batches,
    output: NDArray[np.generic],
    answer: Callable[[object, int], NDArray[np.generic]],
) -> Form:
    """Return the form whose calls the compiled loop makes.

    Args:
        session: the graph.
        names: of its input, and of the one output that is asked for.
        batches: all of one size.
        output: of the shape and type of the answer to one batch; every call writes here.
        answer: that of the open model.

    """
    return NativeForm(session.library, lambda chunk: _NativeCalls(session, names, chunk, output), batches, answer)


class _NativeCalls:
    def __init__(
        self, session: CSession, names: tuple[str, str], batches: Batches, output: NDArray[np.generic]
    ) -> None:
        self.call = session.library.mltest_onnxruntime_call
        self.failure = session.failure
        self.output = output
        input_name, output_name = (name.encode() for name in names)
        # What C points to has to live as long as the calls do.
        self._kept = (session, batches, input_name, output_name)
        self.context = ctypes.c_void_p(
            session.library.mltest_onnxruntime_bind(
                session.handle,
                input_name,
                ctypes.byref(_array(batches[0])),
                pointers_of(batches),
                len(batches),
                output_name,
                ctypes.byref(_array(output)),
            )
        )
        if not self.context:
            raise CallAbsentError(detail=f"ONNX Runtime's C library does not bind the rows ({session.failure()})")
        weakref.finalize(self, session.library.mltest_onnxruntime_unbind, self.context)


def _array(values: NDArray[np.generic]) -> _Array:
    shape = (ctypes.c_int64 * values.ndim)(*values.shape)
    return _Array(values.ctypes.data, values.nbytes, shape, values.ndim, _ELEMENTS[values.dtype.name])


def _runtime_library() -> Path:
    import onnxruntime

    found = sorted((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"))
    if not found:
        raise CallAbsentError(
            detail=f"onnxruntime {onnxruntime.__version__} was installed without its C library (libonnxruntime.so); "
            "pip install --force-reinstall onnxruntime"
        )
    return found[0]


def _declare(library: ctypes.CDLL) -> None:
    pointer = ctypes.c_void_p
    library.mltest_onnxruntime_open.restype = pointer
    library.mltest_onnxruntime_open.argtypes = (pointer, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
    library.mltest_onnxruntime_message.restype = ctypes.c_char_p
    library.mltest_onnxruntime_message.argtypes = (pointer,)
    library.mltest_onnxruntime_close.argtypes = (pointer,)
    library.mltest_onnxruntime_bind.restype = pointer
    library.mltest_onnxruntime_bind.argtypes = (
        *(pointer, ctypes.c_char_p, pointer, pointer, ctypes.c_size_t),
        *(ctypes.c_char_p, pointer),
    )
    library.mltest_onnxruntime_unbind.argtypes = (pointer,)
