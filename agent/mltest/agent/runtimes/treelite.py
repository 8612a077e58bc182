"""Treelite's general tree inference library (GTIL): runs a tree ensemble without compiling it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import Output, Task, VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelInvalidError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.native.native_form import Batches
    from mltest.agent.native.treelite_calls import TreeliteInterface
    from mltest.agent.worker.form import Form
    from mltest.shared.native.predictions import Predictions

ROUNDS_TO_FLOAT32 = "rounds_to_float32"
"""Option "true" or "false": whether the original model rounds its input to float32 before it compares."""


@runtime
class Treelite:
    """Runs a treelite checkpoint."""

    needs = RuntimeNeeds(
        name="treelite",
        formats=("treelite-checkpoint",),
        packages=("treelite", "numpy"),
        modules=("treelite", "numpy"),
        extra="runtimes-treelite",
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a checkpoint; every index in it is checked, since treelite follows them unchecked."""
        return _OpenEnsemble(open_checkpoint(artifact, candidate.feature_count), candidate)


def open_checkpoint(artifact: Path, feature_count: int) -> Any:
    """Return the `treelite.Model` in a checkpoint, every index of which is in range.

    Raises:
        ModelInvalidError: it is not a whole checkpoint, or not of a model with so many features.

    """
    import treelite

    try:
        # Reading the bytes at once notices a missing end; reading the file does not.
        model = treelite.Model.deserialize_bytes(artifact.read_bytes())
    except treelite.TreeliteError as error:
        line = str(error).strip().splitlines()[0]
        raise ModelInvalidError(detail=f"it is not a whole treelite checkpoint ({line})") from error
    _check_trees(model, feature_count)
    return model


class _OpenEnsemble:
    def __init__(self, model: Any, candidate: VisitCandidate) -> None:
        self._model = model
        self._candidate = candidate
        self._has_probabilities = candidate.task is Task.CLASSIFICATION and candidate.output is not Output.SCORES
        self._rounds = candidate.options.get(ROUNDS_TO_FLOAT32) == "true"
        self.predict = _call(model, candidate.threads)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows.astype("float32") if self._rounds else rows, self._candidate)

    def answer(self, output: Any, row_count: int) -> "NDArray[np.float64]":
        import numpy as np

        # (rows, targets, classes); a regressor has one class, a classifier one target.
        scores = np.array(output, dtype=np.float64).reshape(row_count, -1)
        if self._has_probabilities and scores.shape[1] == 1:
            return np.hstack([1 - scores, scores])
        return scores

    def lean_calls(self, batches: "Batches") -> "Sequence[Callable[[], object]]":
        """Return calls of treelite's C function by ctypes, without what its Python function does around it."""
        from mltest.agent.native.treelite_calls import lean_calls

        return lean_calls(self._c_interface(batches), batches, self._written(batches))

    def native_calls(self, batches: "Batches", loop_library: Callable[[], Path]) -> "Form":
        """Call treelite's C function from C."""
        from mltest.agent.native.treelite_calls import native_calls

        written = self._written(batches)
        return native_calls(self._c_interface(batches), batches, written, self.answer, loop_library())

    def _c_interface(self, batches: "Batches") -> "TreeliteInterface":
        from mltest.agent.native.treelite_calls import TreeliteInterface

        wanted, given = self._model.input_type, batches[0].dtype.name
        if wanted != given:
            detail = f"the model takes {wanted} and gets {given}, which treelite converts in each call"
            raise CallAbsentError(detail=detail)
        return TreeliteInterface(self._model, self._candidate.threads)

    def _written(self, batches: "Batches") -> "NDArray[np.generic]":
        """Return an array as one call fills it."""
        import numpy as np

        return np.zeros_like(self.predict(batches[0]))

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        import numpy as np

        from mltest.shared.native.predictions import Predictions

        scores = self.answer(self.predict(batch), len(batch))
        if self._candidate.task is Task.REGRESSION:
            return Predictions(scores=scores)
        # One score decides for the second of two classes.
        labels = scores.argmax(axis=1) if scores.shape[1] > 1 else scores[:, 0] > 0
        are_probabilities = self._has_probabilities
        return Predictions(labels=labels.astype(np.int64), scores=scores, are_probabilities=are_probabilities)


def _call(model: Any, threads: int) -> Callable[["NDArray[np.floating]"], "NDArray[np.floating]"]:
    from treelite import gtil

    predict: Callable[..., NDArray[np.floating]] = gtil.predict
    return lambda batch: predict(model, batch, nthread=threads)


def _check_trees(model: Any, feature_count: int) -> None:
    if model.num_feature != feature_count:
        raise ModelInvalidError(detail=f"it takes {model.num_feature} features, not the model's {feature_count}")
    for index in range(model.num_tree):
        tree = model.get_tree_accessor(index)
        left, right, split = (tree.get_field(name) for name in ("cleft", "cright", "split_index"))
        count, inner = len(left), left >= 0
        parents = inner.nonzero()[0]
        children_fit = all(bool(((child[inner] > parents) & (child[inner] < count)).all()) for child in (left, right))
        if not children_fit or bool(((split[inner] < 0) | (split[inner] >= feature_count)).any()):
            raise ModelInvalidError(detail=f"an index in tree {index} is out of range")
