"""scikit-learn itself: the model as submitted, and so the baseline of every scikit-learn model."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import Output, VisitCandidate
from mltest.shared.errors import CallAbsentError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form
    from mltest.shared.native.outputs import NativeModel
    from mltest.shared.native.predictions import Predictions


@runtime
class ScikitLearn:
    """Runs a fitted estimator; a pickle is opened without a further question, since the service has asked it."""

    needs = RuntimeNeeds(
        name="scikit-learn",
        formats=("skops", "pickle"),
        packages=("scikit-learn", "skops", "numpy"),
        modules=("sklearn", "skops", "numpy"),
        extra="runtimes-scikit-learn",
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a skops file or a pickle."""
        from mltest.shared.native.estimators import open_estimator
        from mltest.shared.native.outputs import describe_estimator

        opened = open_estimator(artifact, candidate.format, allows_pickle=True)
        _use_threads(opened.estimator, candidate.threads)
        return _OpenEstimator(describe_estimator(opened.estimator), candidate)


class _OpenEstimator:
    def __init__(self, model: "NativeModel", candidate: VisitCandidate) -> None:
        self._model = model
        self._candidate = candidate
        self.predict = model.call(candidate.output)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        import numpy as np

        if self._candidate.output is Output.LABELS:
            return np.array(output).reshape(row_count)
        return np.array(output, dtype=np.float64).reshape(row_count, -1)

    def lean_calls(self, batches: "Sequence[NDArray[np.floating]]") -> "Sequence[Callable[[], object]]":
        """Return calls that trust their rows and parameters: `assume_finite` and `skip_parameter_validation`.

        The two are set around each call, since they hold for the whole thread.
        """
        return [partial(_trusting, self.predict, batch) for batch in batches]

    def native_calls(self, batches: "Sequence[NDArray[np.floating]]", loop_library: "Callable[[], Path]") -> "Form":
        """Refuse."""
        raise CallAbsentError(detail="scikit-learn has no C interface; measure an exported format of the model instead")

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        return self._model.predictions(batch)


def _trusting(predict: "Callable[[NDArray[np.floating]], object]", batch: "NDArray[np.floating]") -> object:
    import sklearn

    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)
    try:
        return predict(batch)
    finally:
        sklearn.set_config(assume_finite=False, skip_parameter_validation=False)


def _use_threads(estimator: object, threads: int) -> None:
    """Hold OpenMP, BLAS and joblib to `threads` threads for as long as this process lives."""
    import warnings

    from threadpoolctl import threadpool_limits

    from mltest.shared.native.walk import held_objects

    threadpool_limits(limits=threads)
    for found in held_objects(estimator):
        if hasattr(found, "n_jobs") and hasattr(found, "get_params"):
            with_jobs: Any = found
            with_jobs.n_jobs = threads
        if hasattr(found, "_n_threads"):
            # Clusterings keep the number of cores of the machine that they were fitted on.
            clustering: Any = found
            clustering._n_threads = threads
    # Rows come as arrays; an estimator that was fitted on named columns would say so at each call.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
