"""The confusion matrix and what follows from it.

Source: Powers 2011, "Evaluation: from precision, recall and F-measure to ROC"; averages as in scikit-learn, over the
classes that occur among the true or the predicted labels, an undefined precision or recall counting as 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_METRICS = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Counts of rows by true and predicted class."""

    counts: "NDArray[np.int64]"
    """(classes, classes + 1): true by predicted; the last column counts labels that are none of the classes."""
    classes: Sequence[str]

    @classmethod
    def of(cls, truth: "NDArray[np.int64]", labels: "NDArray[np.int64]", classes: Sequence[str]) -> "Confusion":
        """Count; `truth` and `labels` (rows,) are positions in `classes`, `labels` may be -1."""
        import numpy as np

        counts = np.zeros((len(classes), len(classes) + 1), dtype=np.int64)
        np.add.at(counts, (truth, labels), 1)
        return cls(counts=counts, classes=classes)

    @property
    def right_count(self) -> int:
        """Rows with the right label."""
        return int(self._right.sum())

    def balanced_accuracy(self) -> float:
        """Return the mean recall of the classes that have rows."""
        has_rows = self._true > 0
        return float((self._right[has_rows] / self._true[has_rows]).mean())

    def averages(self) -> Iterator[tuple[str, str, float]]:
        """Yield metric, average (macro, weighted) and value."""
        import numpy as np

        occurs = (self._true + self._said) > 0
        for metric in _METRICS:
            upper, lower = self._ratio(metric)
            values = np.divide(upper, lower, out=np.zeros(len(upper)), where=lower > 0)
            yield metric, "macro", float(values[occurs].mean())
            yield metric, "weighted", float((values * self._true).sum() / self._true.sum())

    def by_class(self) -> Iterator[tuple[str, str, float | None, str]]:
        """Yield metric, class, value, and the reason where there is none."""
        reasons = {"precision": "no row was given this class", "recall": "no row has this class"}
        for metric in _METRICS:
            upper, lower = self._ratio(metric)
            for name, part, whole in zip(self.classes, upper.tolist(), lower.tolist(), strict=True):
                if whole:
                    yield metric, name, part / whole, ""
                else:
                    yield metric, name, None, reasons.get(metric, "no row has or was given this class")

    def cells(self) -> Iterator[tuple[str, int]]:
        """Yield "true>predicted" and the count of each cell that is not empty."""
        names = (*self.classes, "none of them")
        for true, said in zip(*self.counts.nonzero(), strict=True):
            yield f"{names[true]}>{names[said]}", int(self.counts[true, said])

    def _ratio(self, metric: str) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        if metric == "precision":
            return self._right, self._said
        if metric == "recall":
            return self._right, self._true
        return 2 * self._right, self._true + self._said

    @property
    def _right(self) -> "NDArray[np.int64]":
        return self.counts.diagonal()

    @property
    def _true(self) -> "NDArray[np.int64]":
        totals: NDArray[np.int64] = self.counts.sum(axis=1)
        return totals

    @property
    def _said(self) -> "NDArray[np.int64]":
        totals: NDArray[np.int64] = self.counts[:, :-1].sum(axis=0)
        return totals
