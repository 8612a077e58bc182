"""What follows from labels: accuracy, precision, recall, F1 and Matthews' coefficient, as functions of row counts.

As in scikit-learn, averages go over the classes that occur, and an undefined precision or recall counts as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.bootstrap import Counts, Measure, grouped_sums

_AVERAGED = ("precision", "recall", "f1")


def label_measures(
    truth: NDArray[np.int64], labels: NDArray[np.int64], classes: Sequence[str], *, per_class: bool = True
) -> tuple[Measure, ...]:
    """Return the measures of labels.

    Args:
        truth: (rows,), positions in `classes`.
        labels: (rows,), the same, or -1 for none of them.
        classes: in the order of the model.
        per_class: whether precision, recall and F1 of each class are among them.

    """
    tally = _Tally(truth, labels, len(classes))
    overall = (
        ("accuracy", "value", ""),
        ("balanced_accuracy", "value", ""),
        ("mcc", "value", ""),
        *((metric, average, "") for metric in _AVERAGED for average in ("macro", "weighted")),
    )
    by_class = tuple((metric, "class", name) for metric in _AVERAGED for name in classes)
    found = (Measure(overall, tally.overall),)
    return (*found, Measure(by_class, tally.by_class)) if per_class else found


@dataclass(frozen=True, slots=True)
class _Tally:
    truth: NDArray[np.int64]
    labels: NDArray[np.int64]
    class_count: int

    def overall(self, counts: Counts) -> NDArray[np.float64]:
        right, true, said = self._sums(counts)
        total = counts.sum(axis=1)
        has_rows = true > 0
        recalls = _ratio(right, true)
        balanced = recalls.sum(axis=1, where=has_rows) / has_rows.sum(axis=1)
        occurs = (true + said) > 0
        averages = []
        for values in (_ratio(right, said), recalls, _ratio(2 * right, true + said)):
            averages.append(values.sum(axis=1, where=occurs) / occurs.sum(axis=1))
            averages.append((values * true).sum(axis=1) / total)
        accuracy = right.sum(axis=1) / total
        return np.stack([accuracy, balanced, _matthews(right, true, said, total), *averages], axis=1)

    def by_class(self, counts: Counts) -> NDArray[np.float64]:
        right, true, said = self._sums(counts)
        values = (_ratio(right, said, np.nan), _ratio(right, true, np.nan), _ratio(2 * right, true + said, np.nan))
        return np.concatenate(values, axis=1)

    def _sums(self, counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        is_right, is_class = self.labels == self.truth, self.labels >= 0
        return (
            grouped_sums(counts[:, is_right], self.truth[is_right], self.class_count),
            grouped_sums(counts, self.truth, self.class_count),
            grouped_sums(counts[:, is_class], self.labels[is_class], self.class_count),
        )


def _ratio(upper: NDArray[np.float64], lower: NDArray[np.float64], otherwise: float = 0.0) -> NDArray[np.float64]:
    ratios = np.full(upper.shape, otherwise)
    np.divide(upper, lower, out=ratios, where=lower > 0)
    return ratios


def _matthews(
    right: NDArray[np.float64], true: NDArray[np.float64], said: NDArray[np.float64], total: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Matthews' correlation coefficient; 0 where only one class was said or is true, as in scikit-learn.

    Source: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient".
    """
    nowhere = total - said.sum(axis=1)
    covariance = right.sum(axis=1) * total - (true * said).sum(axis=1)
    spread_true = total**2 - (true**2).sum(axis=1)
    spread_said = total**2 - (said**2).sum(axis=1) - nowhere**2
    scale = np.sqrt(spread_true * spread_said)
    return _ratio(covariance, scale)
