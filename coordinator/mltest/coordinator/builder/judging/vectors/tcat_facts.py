"""The TCat estimate: how wide a margin the words of two classes of texts allow; runs in the builder's child.

A concept TCat([p_1 : n_1 : f_1], ...) has sets of f_i words, of which a positive text holds p_i and a negative one n_i.
With a = sum p_i^2 / f_i, b = sum p_i n_i / f_i and c = sum n_i^2 / f_i, a hyperplane through the origin separates the
texts with a squared margin of at least (a c - b^2) / (a + 2 b + c): the narrowest weights that are equal within a set.

Source: Joachims 2001, "A statistical learning model of text classification for support vector machines".
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence

_BANDS = 3
"""Of frequency; each holds a third of all occurrences."""
_LEAST_ZEROS = 0.5
"""Share of zeros in X from which it may be words of texts."""


def tcat_facts(evidence: ModelEvidence, test: str) -> Facts:
    """Return the squared margin and the bound of the error, or why there are none."""
    facts = Facts(test)
    assert evidence.truth is not None
    rows, truth = (evidence.rows, evidence.truth) if evidence.training is None else evidence.training
    labels = truth.astype(np.int64)
    if reason := _obstacle(rows, labels, class_count=len(evidence.model.classes)):
        facts.add("tcat_margin_squared", None, reason=reason)
        return facts
    sets = list(_word_sets(rows[::2], labels[::2]))
    counted, of_texts = rows[1::2], labels[1::2]
    positive = np.array([counted[of_texts == 1][:, own].sum(axis=1).mean() for own in sets])
    negative = np.array([counted[of_texts == 0][:, own].sum(axis=1).mean() for own in sets])
    margin = margin_squared(positive, negative, np.array([len(own) for own in sets], dtype=np.float64))
    facts.add("tcat_margin_squared", margin, count=len(counted))
    if margin <= 0:
        facts.add("tcat_error_bound", None, reason="the word sets of the two classes allow no margin")
        return facts
    bound = float((rows.astype(np.float64) ** 2).sum(axis=1).max()) / margin / (len(rows) + 1)
    if bound >= 1:
        facts.add(
            "tcat_error_bound", None, reason=f"it says nothing: the bound is {bound:.3g}; more rows make it smaller"
        )
    else:
        facts.add("tcat_error_bound", bound, count=len(rows))
    return facts


def margin_squared(positive: NDArray[np.float64], negative: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Return the squared margin that sets of words allow; 0 where they do not tell the classes apart.

    Args:
        positive: (sets,), words of each set in a text of the one class.
        negative: (sets,), in one of the other class.
        sizes: (sets,), words that there are, each above 0.

    """
    a, b, c = ((positive**2 / sizes).sum(), (positive * negative / sizes).sum(), (negative**2 / sizes).sum())
    whole = a + 2 * b + c
    return float(max(a * c - b**2, 0.0) / whole) if whole > 0 else 0.0


def _obstacle(rows: NDArray[np.floating], labels: NDArray[np.int64], *, class_count: int) -> str:
    if class_count != 2:
        return f"it is for two classes, and this model has {class_count}"
    if not np.isfinite(rows).all() or (rows < 0).any():
        return "X holds no counts or weights of words: some values are missing, infinite or below 0"
    if (rows == 0).mean() < _LEAST_ZEROS:
        return "X holds no counts or weights of words: fewer than half of its values are 0"
    if any(len(np.unique(labels[start::2])) < 2 for start in (0, 1)):
        return "too few rows: each half of them needs rows of both classes"
    return ""


def _word_sets(rows: NDArray[np.floating], labels: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the words (numbers of columns) of each band of frequency that speak for the one and for the other class."""
    totals = rows.sum(axis=0, dtype=np.float64)
    order = np.argsort(-totals, kind="stable")
    bands = np.zeros(len(totals), dtype=np.int64)
    reached = np.cumsum(totals[order]) - totals[order]
    bands[order] = np.minimum(reached / totals.sum() * _BANDS, _BANDS - 1).astype(np.int64)
    speaks = (rows[labels == 1] > 0).mean(axis=0) > (rows[labels == 0] > 0).mean(axis=0)
    for band in range(_BANDS):
        for is_positive in (True, False):
            own = np.flatnonzero((bands == band) & (speaks == is_positive))
            if len(own):
                yield own
