"""The TCat estimate, against the narrowest weights found by a general optimiser and against a measured hard margin."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]  # it has no types
from sklearn.svm import SVC

from mltest.coordinator.builder.judging.vectors.tcat_facts import margin_squared
from mltest.coordinator.tests.tcat import TextCategory
from tests.unit.coordinator.examined import evidence_of, only, value_of

CONCEPT = ((10, 10, 60), (8, 2, 80), (2, 8, 80), (3, 0, 200), (0, 3, 200))
"""Words of each set in a positive text, in a negative one, and words that there are."""
POSITIVE, NEGATIVE, SIZES = (np.array(column, dtype=np.float64) for column in zip(*CONCEPT, strict=True))


def texts(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return texts of exactly this concept, each word at most once, and their classes in turn."""
    random = np.random.default_rng(seed)
    rows, truth = np.zeros((count, int(SIZES.sum()))), np.arange(count) // 2 % 2
    starts = np.r_[0, np.cumsum(SIZES)].astype(int)
    for row, label in enumerate(truth):
        for at, words in enumerate(POSITIVE if label else NEGATIVE):
            rows[row, starts[at] + random.choice(int(SIZES[at]), size=int(words), replace=False)] = 1
    return rows, truth


def test_the_formula_is_the_margin_of_the_narrowest_weights_that_are_equal_within_a_set() -> None:
    found = minimize(
        lambda weights: (SIZES * weights**2).sum(),
        np.zeros(5),
        constraints=[
            {"type": "ineq", "fun": lambda weights: POSITIVE @ weights - 1},
            {"type": "ineq", "fun": lambda weights: -(NEGATIVE @ weights) - 1},
        ],
    )
    assert margin_squared(POSITIVE, NEGATIVE, SIZES) == pytest.approx(1 / found.fun, rel=1e-5)


def test_a_support_vector_machine_on_such_texts_has_no_smaller_margin() -> None:
    rows, truth = texts(120, seed=1)
    machine = SVC(kernel="linear", C=1e6).fit(rows, truth)
    assert machine.score(rows, truth) == 1
    assert margin_squared(POSITIVE, NEGATIVE, SIZES) <= 1 / (machine.coef_**2).sum()


def test_the_estimate_from_texts_is_near_to_that_of_their_concept() -> None:
    rows, truth = texts(600, seed=2)
    machine = SVC(kernel="linear").fit(rows, truth)
    results = TextCategory().examine(evidence_of(machine, rows, truth))
    # The sets have to be guessed from the texts, which takes away from the margin.
    whole = margin_squared(POSITIVE, NEGATIVE, SIZES)
    assert 0.5 * whole < value_of(results, "tcat_margin_squared") < 1.05 * whole
    assert 0 < value_of(results, "tcat_error_bound") < 1


def test_words_that_say_nothing_allow_nearly_no_margin_and_other_data_are_no_texts() -> None:
    random = np.random.default_rng(0)
    rows, truth = (random.random((200, 80)) < 0.1).astype(float), np.arange(200) // 2 % 2
    machine = SVC(kernel="linear").fit(rows, truth)
    assert value_of(TextCategory().examine(evidence_of(machine, rows, truth)), "tcat_margin_squared") < 0.01
    moved = rows - 0.5
    found = only(TextCategory().examine(evidence_of(SVC().fit(moved, truth), moved, truth)), "tcat_margin_squared")
    assert found.value is None
    assert "below 0" in found.reason
