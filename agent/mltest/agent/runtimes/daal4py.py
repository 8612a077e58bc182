"""daal4py, of the Extension for Scikit-learn: tree ensembles on x86, made from treelite checkpoints."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.agent.runtimes.treelite import ROUNDS_TO_FLOAT32, open_checkpoint
from mltest.shared.domain import Task, VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelUnsupportedError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form
    from mltest.shared.native.predictions import Predictions

_TYPES = {"float32": "float", "float64": "double"}


@runtime
class Daal4py:
    """Runs a treelite checkpoint that oneDAL can represent: no forest of more than two classes, one target."""

    needs = RuntimeNeeds(
        name="daal4py",
        formats=("treelite-checkpoint",),
        packages=("scikit-learn-intelex", "treelite", "numpy"),
        modules=("daal4py", "treelite", "numpy"),
        extra="runtimes-daal4py",
        is_apart=True,
        machines=("x86_64",),
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a checkpoint, checked as for treelite, and convert it."""
        import daal4py
        from daal4py import mb

        checkpoint = open_checkpoint(artifact, candidate.feature_count)
        daal4py.daalinit(candidate.threads)
        try:
            with warnings.catch_warnings():
                # A forest becomes a regression of the second class's probability, which is what is wanted.
                warnings.simplefilter("ignore")
                model = mb.convert_model(checkpoint)
        except (TypeError, ValueError) as error:
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelUnsupportedError(detail=f"daal4py cannot represent it: {line}") from error
        return _OpenEnsemble(model, candidate)


class _OpenEnsemble:
    def __init__(self, model: Any, candidate: VisitCandidate) -> None:
        self._model = model
        self._candidate = candidate
        self._rounds = candidate.options.get(ROUNDS_TO_FLOAT32) == "true"
        self._gives_classes = bool(model.is_classifier_)
        self.predict = model.predict_proba if self._gives_classes else model.predict

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows.astype("float32") if self._rounds else rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        import numpy as np

        scores = np.array(output, dtype=np.float64).reshape(row_count, -1)
        if self._candidate.task is Task.CLASSIFICATION and scores.shape[1] == 1:
            return np.hstack([1 - scores, scores])
        return scores

    def lean_calls(self, batches: "Sequence[NDArray[np.floating]]") -> Sequence[Callable[[], object]]:
        """Return calls of oneDAL's algorithm itself, made beforehand, without the checks around it."""
        import daal4py

        kind = _TYPES[self._candidate.input_dtype]
        if not self._gives_classes:
            algorithm = daal4py.gbt_regression_prediction(fptype=kind)
            return [partial(_values, algorithm.compute, batch, self._model.daal_model_) for batch in batches]
        algorithm = daal4py.gbt_classification_prediction(
            nClasses=self._model.n_classes_, fptype=kind, resultsToEvaluate="computeClassProbabilities"
        )
        return [partial(_probabilities, algorithm.compute, batch, self._model.daal_model_) for batch in batches]

    def native_calls(self, batches: "Sequence[NDArray[np.floating]]", loop_library: Callable[[], Path]) -> "Form":
        """Refuse."""
        raise CallAbsentError(detail="daal4py has no C interface; oneDAL's is C++")

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        import numpy as np

        from mltest.shared.native.predictions import Predictions

        scores = np.asarray(self.answer(self.predict(batch), len(batch)), dtype=np.float64)
        if self._candidate.task is Task.REGRESSION:
            return Predictions(scores=scores)
        return Predictions(labels=scores.argmax(axis=1).astype(np.int64), scores=scores, are_probabilities=True)


def _values(compute: Callable[..., Any], batch: "NDArray[np.floating]", model: object) -> object:
    return compute(batch, model).prediction


def _probabilities(compute: Callable[..., Any], batch: "NDArray[np.floating]", model: object) -> object:
    return compute(batch, model).probabilities
