"""Models that were compiled from C or C++: a library behind the interface of docs/c-interface.md."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.shared.domain import Output, Task, VisitCandidate
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.shared.native.predictions import Predictions

Predict = Callable[[ctypes.c_void_p | int, ctypes.c_size_t | int, ctypes.c_void_p | int], None]
"""`mltest_predict`, and `mltest_scores`: rows, their number, output."""

ABI_VERSION = 1
"""Of the interface; docs/c-interface.md."""

_MAX_OUTPUTS = 1 << 16
_MAX_TYPE_CHARS = 16
_TYPES = ("float32", "float64")
_NUMBERS = ("abi", "feature_count", "output_count")
_NO_CLASS = "?"
"""Name of a class that the model does not have."""


@dataclass(frozen=True, slots=True)
class _Interface:
    output_count: int
    output_type: str
    score_count: int
    """Of what gives labels: values of a row that `mltest_scores` writes; 0 without it."""
    scores_are_probabilities: bool


class CLibrary:
    """What `mltest_predict` of a library says, whatever its source was written in."""

    def __init__(self, artifact: Path, candidate: VisitCandidate) -> None:
        """Load the library (ModelInvalidError: it is none, or not as was said; ModelUnsupportedError: other output)."""
        import numpy as np

        library = _loaded(artifact)
        interface = _interface(library, candidate)
        self.function = _function(library, "mltest_predict")
        self._library, self._interface, self._candidate = library, interface, candidate
        self._width, self._dtype = interface.output_count, np.dtype(interface.output_type)
        self._names = np.array([*candidate.classes, _NO_CLASS])

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Return rows in the type that the library takes."""
        return prepared_rows(rows, self._candidate)

    def predict(self, batch: "NDArray[np.floating]") -> "NDArray[np.generic]":
        """Return what the library writes for `batch`."""
        output = self.written(len(batch))
        self.function(batch.ctypes.data, len(batch), output.ctypes.data)
        return output

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        """Return scores, or the names of classes."""
        import numpy as np

        values = np.array(output, dtype=np.float64).reshape(row_count, -1)
        if self._candidate.output is not Output.LABELS:
            return values
        named: NDArray[np.generic] = self._names[self._positions(values)]
        return named

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        """Return labels and scores."""
        import numpy as np

        from mltest.shared.native.predictions import Predictions

        output = np.asarray(self.predict(batch), dtype=np.float64)
        if self._candidate.output is Output.LABELS:
            return self._labelled(batch, self._positions(output))
        if self._candidate.task is Task.REGRESSION:
            return Predictions(scores=output)
        # One score decides for the second of two classes.
        labels = output.argmax(axis=1) if output.shape[1] > 1 else output[:, 0] > 0
        are_probabilities = self._candidate.output is Output.PROBABILITIES
        return Predictions(labels=labels.astype(np.int64), scores=output, are_probabilities=are_probabilities)

    def written(self, row_count: int) -> "NDArray[np.generic]":
        """Return room for what the library writes for so many rows."""
        import numpy as np

        return np.empty((row_count, self._width), dtype=self._dtype)

    def _positions(self, output: "NDArray[np.float64]") -> "NDArray[np.int64]":
        """Return which class each row of `output` (rows, 1) names; -1 for none."""
        import numpy as np

        known = np.isin(output[:, 0], np.arange(len(self._candidate.classes)))
        positions: NDArray[np.int64] = np.where(known, output[:, 0], -1).astype(np.int64)
        return positions

    def _labelled(self, batch: "NDArray[np.floating]", labels: "NDArray[np.int64]") -> "Predictions":
        import numpy as np

        from mltest.shared.native.predictions import Predictions

        if not self._interface.score_count:
            return Predictions(labels=labels)
        scores = np.empty((len(batch), self._interface.score_count), dtype=self._dtype)
        _function(self._library, "mltest_scores")(batch.ctypes.data, len(batch), scores.ctypes.data)
        return Predictions(
            labels=labels,
            scores=scores.astype(np.float64),
            are_probabilities=self._interface.scores_are_probabilities,
        )


def _loaded(artifact: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(artifact))
    except OSError as error:
        raise ModelInvalidError(detail=f"it is no library that can be loaded ({error})") from error


def _function(library: ctypes.CDLL, name: str) -> Predict:
    found = library[name]
    found.restype, found.argtypes = None, (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    function: Predict = found
    return function


def _interface(library: ctypes.CDLL, candidate: VisitCandidate) -> _Interface:
    """Return what the library says of itself, if that is what the candidate promises."""
    try:
        version, feature_count, output_count = (_number(library, name) for name in _NUMBERS)
        input_type, output_type = (_text(library, f"mltest_{name}_type") for name in ("input", "output"))
        ctypes.cast(library.mltest_predict, ctypes.c_void_p)
    except (ValueError, AttributeError) as error:
        raise ModelInvalidError(detail=f"its source does not define the whole interface ({error})") from error
    if version != ABI_VERSION:
        raise ModelInvalidError(detail=f"its interface has version {version}, mltest's is {ABI_VERSION}")
    if feature_count != candidate.feature_count:
        detail = f"it takes {feature_count} features, not the model's {candidate.feature_count}"
        raise ModelInvalidError(detail=detail)
    if input_type != candidate.input_dtype or output_type not in _TYPES:
        raise ModelInvalidError(detail=f"it takes {input_type} and gives {output_type}, not what was said of it")
    _check_outputs(library, candidate, output_count)
    return _Interface(output_count, output_type, *_scores(library, candidate))


def _check_outputs(library: ctypes.CDLL, candidate: VisitCandidate, output_count: int) -> None:
    """Refuse a library that gives something else than the job is about, or too much or too little of it."""
    usual = Output.VALUES if candidate.task is Task.REGRESSION else Output.PROBABILITIES
    kind = _optional(library, "mltest_output_kind", usual.value)
    if kind != candidate.output.value:
        raise ModelUnsupportedError(detail=f"its functions give {kind}, not {candidate.output.value}")
    wanted = {Output.LABELS: 1, Output.PROBABILITIES: len(candidate.classes)}.get(candidate.output, output_count)
    if not 0 < output_count <= _MAX_OUTPUTS or output_count != wanted:
        raise ModelInvalidError(detail=f"it gives {output_count} values a row for {len(candidate.classes)} classes")


def _scores(library: ctypes.CDLL, candidate: VisitCandidate) -> tuple[int, bool]:
    """Return how many scores stand behind a label, and whether they are probabilities; 0 if there are none."""
    if candidate.output is not Output.LABELS or not hasattr(library, "mltest_scores"):
        return 0, False
    kind = _optional(library, "mltest_score_kind", "")
    try:
        count = _number(library, "score_count")
    except ValueError as error:
        raise ModelInvalidError(detail=f"its source does not define the whole interface ({error})") from error
    if not 0 < count <= _MAX_OUTPUTS or kind not in (Output.SCORES.value, Output.PROBABILITIES.value):
        raise ModelInvalidError(detail=f"its labels come with {count} {kind or 'unnamed scores'}")
    return count, kind == Output.PROBABILITIES.value


def _number(library: ctypes.CDLL, name: str) -> int:
    return ctypes.c_uint32.in_dll(library, f"mltest_{name}").value


def _text(library: ctypes.CDLL, name: str) -> str:
    return (ctypes.c_char * _MAX_TYPE_CHARS).in_dll(library, name).value.decode(errors="replace")


def _optional(library: ctypes.CDLL, name: str, otherwise: str) -> str:
    """Return a text that an interface need not have."""
    try:
        return _text(library, name)
    except ValueError:
        return otherwise
