"""lleaves: LightGBM models that LLVM compiles in the worker, into its memory and nowhere else."""

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import Task, VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.native.native_form import Batches
    from mltest.agent.worker.form import Form
    from mltest.shared.native.predictions import Predictions

_MAX_LINE_CHARS = 300


@runtime
class Lleaves:
    """Compiles a text file of LightGBM when it is opened, which takes seconds; its indices are checked first."""

    needs = RuntimeNeeds(
        name="lleaves",
        formats=("lightgbm",),
        packages=("lleaves", "llvmlite", "numpy"),
        modules=("lleaves", "numpy"),
        extra="runtimes-lleaves",
        is_apart=True,
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Check the file, and compile it."""
        import lleaves

        from mltest.shared.native.lightgbm_file import facts_of_lightgbm, read_lightgbm

        facts = facts_of_lightgbm(read_lightgbm(artifact))
        if facts.feature_count != candidate.feature_count:
            detail = f"it takes {facts.feature_count} features, not the model's {candidate.feature_count}"
            raise ModelInvalidError(detail=detail)
        try:
            model = lleaves.Model(model_file=str(artifact))
            # Without a cache, nothing is written.
            model.compile(cache=None)
        except MemoryError:
            raise
        except Exception as error:
            line = (str(error).strip().splitlines() or [type(error).__name__])[0][:_MAX_LINE_CHARS]
            raise ModelUnsupportedError(detail=f"lleaves does not compile it: {line}") from error
        return _OpenTrees(model, candidate)


class _OpenTrees:
    def __init__(self, model: Any, candidate: VisitCandidate) -> None:
        self._model = model
        self._candidate = candidate
        self.predict: Callable[[NDArray[np.floating]], NDArray[np.float64]] = partial(
            model.predict, n_jobs=candidate.threads
        )

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        import numpy as np

        scores = np.array(output, dtype=np.float64).reshape(row_count, -1)
        if self._candidate.task is Task.CLASSIFICATION and scores.shape[1] == 1:
            return np.hstack([1 - scores, scores])
        return scores

    def lean_calls(self, batches: "Batches") -> "Sequence[Callable[[], object]]":
        """Return calls of the compiled function by ctypes, with every pointer made beforehand."""
        function, written = self._function(), self._written(batches)
        return [_lean_call(function, batch, written) for batch in batches]

    def native_calls(self, batches: "Batches", loop_library: Callable[[], Path]) -> "Form":
        """Call the compiled function from C."""
        from mltest.agent.native.lleaves_calls import native_calls

        return native_calls(self._function(), batches, self._written(batches), self.answer, loop_library())

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        import numpy as np

        from mltest.shared.native.predictions import Predictions

        scores = np.asarray(self.answer(self.predict(batch), len(batch)), dtype=np.float64)
        if self._candidate.task is Task.REGRESSION:
            return Predictions(scores=scores)
        return Predictions(labels=scores.argmax(axis=1).astype(np.int64), scores=scores, are_probabilities=True)

    def _function(self) -> Any:
        """Return what `predict` calls with one thread: (rows, output, first row, row behind the last)."""
        if self._candidate.threads > 1:
            raise CallAbsentError(detail="the function that lleaves compiles uses one thread")
        return self._model._c_entry_func

    def _written(self, batches: "Batches") -> "NDArray[np.generic]":
        """Return an array as one call fills it."""
        import numpy as np

        return np.zeros_like(self.predict(batches[0]))


def _lean_call(function: Any, batch: "NDArray[np.floating]", output: "NDArray[np.generic]") -> Callable[[], object]:
    double_p = ctypes.POINTER(ctypes.c_double)
    rows, written = batch.ctypes.data_as(double_p), output.ctypes.data_as(double_p)
    first, behind = ctypes.c_int32(0), ctypes.c_int32(len(batch))
    # C knows only where they begin: they have to live as long as the call.
    kept = (batch, output)

    def call() -> object:
        function(rows, written, first, behind)
        return kept[1]

    return call
