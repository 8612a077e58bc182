"""The pinned reference: fixed work of the kinds that models do, by which runs of different days are compared.

One part is interpreted Python that branches over lists, one is NumPy that gathers, compares, selects and multiplies:
like a model, and unlike a loop over integers, it gets slower when somebody else uses caches and the other half of a
core. It works on numbers of its own, so that its time does not depend on anybody's data; what it answers is constant.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import Output, VisitCandidate
from mltest.shared.errors import ModelInvalidError
from mltest.shared.native.prepared_rows import prepared_rows
from mltest.shared.reference import REFERENCE_FORMAT, REFERENCE_RUNTIME, ReferenceWork, reference_work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form
    from mltest.shared.native.predictions import Predictions

_MAX_ARTIFACT_BYTES = 4096
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Of splitmix64 (Steele, Lea & Flood 2014): the numbers do not depend on a version of NumPy's generators."""


@runtime
class Reference:
    """Does the work that a reference artifact describes, on one thread."""

    needs = RuntimeNeeds(
        name=REFERENCE_RUNTIME,
        formats=(REFERENCE_FORMAT,),
        packages=("numpy",),
        modules=("numpy",),
        extra="runtimes-onnxruntime",
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open the description, and make the numbers that it works on."""
        with artifact.open("rb") as stream:
            content = stream.read(_MAX_ARTIFACT_BYTES + 1)
        if len(content) > _MAX_ARTIFACT_BYTES:
            raise ModelInvalidError(detail="it is not the reference's description (too long)")
        return _OpenReference(Work(reference_work(content)), candidate)


class Work:
    """The numbers, and one call's work on them."""

    def __init__(self, work: ReferenceWork) -> None:
        import numpy as np

        node_count = 2**work.tree_depth - 1
        numbers = _Numbers(work.seed)
        shape = (work.tree_count, node_count)
        self._depth = work.tree_depth
        self._features = (numbers.uniform(shape) * work.feature_count).astype(np.int64).tolist()
        self._thresholds = numbers.uniform(shape).tolist()
        self._rows = numbers.uniform((work.row_count, work.feature_count)).tolist()
        self._table = numbers.uniform((work.table_rows, work.width)) - 0.5
        self._picked = (numbers.uniform((work.row_count, work.width)) * work.table_rows).astype(np.int64)
        self._matrix = numbers.uniform((work.width, work.width)) - 0.5
        self._where = np.where
        self._next = 0

    def call(self) -> float:
        """Do the work once, with the next row; the sum is that of the leaves and products that it reached."""
        index = self._next
        self._next = (index + 1) % len(self._rows)
        return self._walked(self._rows[index]) + self._multiplied(index)

    def _walked(self, row: list[float]) -> float:
        total, levels = 0.0, range(self._depth)
        for features, thresholds in zip(self._features, self._thresholds, strict=True):
            node = 0
            for _ in levels:
                node = 2 * node + (1 if row[features[node]] <= thresholds[node] else 2)
            total += node
        return total

    def _multiplied(self, index: int) -> float:
        gathered = self._table.take(self._picked[index], axis=0)
        selected = self._where(gathered > 0, gathered, 0.01 * gathered)
        return float((selected @ self._matrix).sum())


class _OpenReference:
    def __init__(self, work: Work, candidate: VisitCandidate) -> None:
        self._work = work
        self._candidate = candidate
        self._constants: dict[int, NDArray[np.generic]] = {}

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def predict(self, batch: "NDArray[np.floating]") -> object:
        self._work.call()
        row_count = len(batch)
        if row_count not in self._constants:
            self._constants[row_count] = self._constant(row_count)
        return self._constants[row_count]

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        import numpy as np

        return np.array(output)

    def lean_calls(self, batches: "Sequence[NDArray[np.floating]]") -> "Sequence[Callable[[], object]]":
        """Return the same work: what is compared with it in a form of the call needs it in that form's slices."""
        return [partial(self.predict, batch) for batch in batches]

    def native_calls(self, batches: "Sequence[NDArray[np.floating]]", loop_library: "Callable[[], Path]") -> "Form":
        """Return the same work, timed from Python, for the same reason."""
        from mltest.agent.worker.bound_form import BoundForm

        return BoundForm(self.lean_calls(batches), len(batches[0]), self.answer)

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        import numpy as np

        from mltest.shared.native.predictions import Predictions

        scores = self._scores(len(batch))
        if not self._candidate.task.gives_labels:
            return Predictions(scores=scores)
        labels = np.zeros(len(batch), dtype=np.int64)
        return Predictions(labels=labels, scores=scores, are_probabilities=self._candidate.output is not Output.SCORES)

    def _constant(self, row_count: int) -> "NDArray[np.generic]":
        """Return the first class, or 0, for every row."""
        import numpy as np

        if self._candidate.output is Output.LABELS:
            return np.full(row_count, (self._candidate.classes or ("0",))[0])
        return self._scores(row_count)

    def _scores(self, row_count: int) -> "NDArray[np.float64]":
        import numpy as np

        scores = np.zeros((row_count, max(len(self._candidate.classes), 1)))
        if self._candidate.task.gives_labels:
            scores[:, 0] = 1
        return scores


class _Numbers:
    """A stream of numbers that depends on its seed only."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._used = 0

    def uniform(self, shape: tuple[int, int]) -> "NDArray[np.float64]":
        """Return the next numbers, from 0 to below 1, in `shape`."""
        import numpy as np

        count = shape[0] * shape[1]
        places = np.arange(self._used + 1, self._used + count + 1, dtype=np.uint64)
        self._used += count
        mixed = places * np.uint64(_GOLDEN) + np.uint64(self._seed)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
        mixed ^= mixed >> np.uint64(31)
        numbers: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64).reshape(shape) / 2**53
        return numbers
