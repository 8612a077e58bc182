"""NumPy for linear models: one matrix product, and the link."""

import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import Output, VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelInvalidError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form
    from mltest.shared.native.linear_form import LinearForm
    from mltest.shared.native.predictions import Predictions


@runtime
class NumpyLinear:
    """Runs the weights of a linear model."""

    needs = RuntimeNeeds(
        name="numpy", formats=("linear-npz",), packages=("numpy",), modules=("numpy",), extra="runtimes-numpy"
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open the weights; the number of threads is that of NumPy's library for matrix products."""
        from mltest.shared.native.linear_form import load_linear_form

        try:
            form = load_linear_form(artifact)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
            raise ModelInvalidError(detail=f"it is not weights of a linear model ({error})") from error
        width = form.weights.shape[0]
        if width != candidate.feature_count:
            raise ModelInvalidError(detail=f"it takes {width} features, not the model's {candidate.feature_count}")
        return _OpenLinear(form, candidate)


class _OpenLinear:
    def __init__(self, form: "LinearForm", candidate: VisitCandidate) -> None:
        import numpy as np

        self._form = form
        self._candidate = candidate
        self._classes = np.array(candidate.classes)
        self._finish = self._named if candidate.output is Output.LABELS else form.linked

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def predict(self, batch: "NDArray[np.floating]") -> object:
        return self._finish(batch @ self._form.weights + self._form.intercept)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        import numpy as np

        if self._candidate.output is Output.LABELS:
            return np.array(output).reshape(row_count)
        return np.array(output, dtype=np.float64).reshape(row_count, -1)

    def parameter_bytes(self) -> int:
        return int(self._form.weights.nbytes + self._form.intercept.nbytes)

    def lean_calls(self, batches: "Sequence[NDArray[np.floating]]") -> "Sequence[Callable[[], object]]":
        """Return calls that keep the scores in memory that is theirs already."""
        import numpy as np

        scores = np.empty((len(batches[0]), self._form.weights.shape[1]))
        return [partial(self._multiplied, np.dot, batch, scores) for batch in batches]

    def native_calls(self, batches: "Sequence[NDArray[np.floating]]", loop_library: "Callable[[], Path]") -> "Form":
        """Refuse."""
        raise CallAbsentError(detail="NumPy has no C interface for this; measure compiled code of the model instead")

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        return self._form.predictions(batch, self._candidate.task)

    def _multiplied(
        self, dot: "Callable[..., object]", batch: "NDArray[np.floating]", scores: "NDArray[np.float64]"
    ) -> object:
        dot(batch, self._form.weights, out=scores)
        scores += self._form.intercept
        return self._finish(scores)

    def _named(self, decisions: "NDArray[np.float64]") -> "NDArray[np.generic]":
        from mltest.shared.native.linear_form import winning_positions

        named: NDArray[np.generic] = self._classes[winning_positions(decisions)]
        return named
