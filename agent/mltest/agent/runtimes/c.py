"""Models as C: the agent compiles their source, and a worker loads the library; nothing but a compiler is needed."""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.native.artifact_flags import C_SOURCE
from mltest.agent.runtimes.columns import prepared_rows
from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import Output, Task, VisitCandidate
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.native.compiled_calls import Predict
    from mltest.agent.native.native_form import Batches
    from mltest.agent.worker.form import Form
    from mltest.shared.native.predictions import Predictions

ABI_VERSION = 1
"""Of the interface; docs/c-interface.md."""

_MAX_OUTPUTS = 1 << 16
_MAX_TYPE_CHARS = 16
_TYPES = ("float32", "float64")


def source_needs(name: str, source_format: str = C_SOURCE) -> RuntimeNeeds:
    """Return what a runtime needs that is a compiler and nothing else: whoever wrote its sources is not needed here."""
    return RuntimeNeeds(
        name=name,
        formats=(source_format,),
        packages=("numpy",),
        modules=("numpy",),
        extra="runtimes-c",
        needs_compiler=True,
    )


class CompiledSource:
    """Runs `mltest_predict` of a library; the interface is open to sources of every tool, and a subclass names one."""

    needs: RuntimeNeeds

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Load the library that was compiled from the candidate's source."""
        return open_library(artifact, candidate)


@runtime
class CompiledC(CompiledSource):
    """Sources that are this project's own."""

    needs = source_needs("c")


def open_library(artifact: Path, candidate: VisitCandidate) -> OpenModel:
    """Return the model in a library that has the interface of docs/c-interface.md, whatever its source was written in.

    Raises:
        ModelInvalidError: it has not, or is not what was said of it.
        ModelUnsupportedError: the interface does not give what the job asks for.

    """
    if candidate.output not in (Output.PROBABILITIES, Output.VALUES):
        raise ModelUnsupportedError(detail=f"its functions give probabilities or values, not {candidate.output.value}")
    try:
        library = ctypes.CDLL(str(artifact))
    except OSError as error:
        raise ModelInvalidError(detail=f"it is no library that can be loaded ({error})") from error
    return _OpenLibrary(library, _interface(library, candidate), candidate)


@dataclass(frozen=True, slots=True)
class _Interface:
    output_count: int
    output_type: str


class _OpenLibrary:
    def __init__(self, library: ctypes.CDLL, interface: _Interface, candidate: VisitCandidate) -> None:
        import numpy as np

        predict = library.mltest_predict
        predict.restype, predict.argtypes = None, (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
        self._predict: Predict = predict
        self._width, self._dtype = interface.output_count, np.dtype(interface.output_type)
        self._candidate = candidate

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def predict(self, batch: "NDArray[np.floating]") -> "NDArray[np.generic]":
        output = self._written(len(batch))
        self._predict(batch.ctypes.data, len(batch), output.ctypes.data)
        return output

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        import numpy as np

        return np.array(output, dtype=np.float64).reshape(row_count, -1)

    def lean_calls(self, batches: "Batches") -> "Sequence[Callable[[], object]]":
        """Return calls by ctypes, with every pointer made beforehand."""
        from mltest.agent.native.compiled_calls import lean_calls

        return lean_calls(self._predict, batches, self._written(len(batches[0])))

    def native_calls(self, batches: "Batches", loop_library: Callable[[], Path]) -> "Form":
        """Call the function from C."""
        from mltest.agent.native.compiled_calls import native_calls

        return native_calls(self._predict, batches, self._written(len(batches[0])), self.answer, loop_library())

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        import numpy as np

        from mltest.shared.native.predictions import Predictions

        scores = self.answer(self.predict(batch), len(batch)).astype(np.float64, copy=False)
        if self._candidate.task is Task.REGRESSION:
            return Predictions(scores=scores)
        return Predictions(labels=scores.argmax(axis=1).astype(np.int64), scores=scores, are_probabilities=True)

    def _written(self, row_count: int) -> "NDArray[np.generic]":
        import numpy as np

        return np.empty((row_count, self._width), dtype=self._dtype)


def _interface(library: ctypes.CDLL, candidate: VisitCandidate) -> _Interface:
    """Return what the library says of itself, if that is what the candidate promises."""
    try:
        version, feature_count, output_count = (
            ctypes.c_uint32.in_dll(library, f"mltest_{name}").value for name in ("abi", "feature_count", "output_count")
        )
        input_type, output_type = (_text(library, f"mltest_{name}_type") for name in ("input", "output"))
        ctypes.cast(library.mltest_predict, ctypes.c_void_p)
    except (ValueError, AttributeError) as error:
        raise ModelInvalidError(detail=f"its source does not define the whole interface ({error})") from error
    if version != ABI_VERSION:
        raise ModelInvalidError(detail=f"its interface has version {version}, this agent's is {ABI_VERSION}")
    if feature_count != candidate.feature_count:
        detail = f"it takes {feature_count} features, not the model's {candidate.feature_count}"
        raise ModelInvalidError(detail=detail)
    if input_type != candidate.input_dtype or output_type not in _TYPES:
        raise ModelInvalidError(detail=f"it takes {input_type} and gives {output_type}, not what was said of it")
    if not 0 < output_count <= _MAX_OUTPUTS or (candidate.classes and output_count != len(candidate.classes)):
        raise ModelInvalidError(detail=f"it gives {output_count} values a row for {len(candidate.classes)} classes")
    return _Interface(output_count, output_type)


def _text(library: ctypes.CDLL, name: str) -> str:
    return (ctypes.c_char * _MAX_TYPE_CHARS).in_dll(library, name).value.decode(errors="replace")
