"""Leaves of boosting fitted anew: what they are fitted to is the loss of the model, checked against other solvers."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mltest.coordinator.builder.surgery.additive import Additive, Loss, loss_of, refitted
from mltest.coordinator.builder.surgery.boosted_leaves import refined_boosting
from mltest.coordinator.builder.surgery.selection import Selection
from mltest.shared.errors import ConversionError
from tests.unit.coordinator.surgery.fitted import classified, selection_of, valued

_CLASSES, _VALUES = selection_of(classified(200, seed=1)), selection_of(valued(200, seed=1))
_SMALL: dict[str, Any] = {"max_depth": 2, "learning_rate": 0.3, "random_state": 0}


def _two(count: int, seed: int) -> tuple[Any, Any]:
    found = classified(count, seed=seed)
    return found.rows, np.minimum(found.truth, 1)


def test_a_refitted_leaf_of_one_tree_is_that_of_logistic_regression_with_the_same_pull() -> None:
    random = np.random.default_rng(0)
    leaves, truth = random.integers(0, 4, size=(300, 1)), random.integers(0, 2, size=(300, 1)).astype(float)
    sums = Additive(
        of_rows=leaves,
        values=np.zeros(4),
        columns=np.zeros(1, dtype=np.int64),
        base=np.zeros((300, 1)),
        loss=Loss.LOGISTIC,
    )
    found = refitted(sums, truth, pull=4.0)
    # A pull of 4 with a second derivative of at most 1/4 is a weight of 1, which scikit-learn calls C=1.
    model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10).fit(np.eye(4)[leaves[:, 0]], truth[:, 0])
    np.testing.assert_allclose(found, model.coef_[0], atol=1e-4)


def test_losses_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    margins, truth = random.normal(size=(50, 3)), random.integers(0, 3, 50)
    shares = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    assert loss_of(margins, np.eye(3)[truth], Loss.SOFTMAX) == pytest.approx(log_loss(truth, shares) * 50)
    one, which = margins[:, :1], (truth > 0).astype(float)[:, None]
    both = np.hstack([1 - 1 / (1 + np.exp(-one)), 1 / (1 + np.exp(-one))])
    assert loss_of(one, which, Loss.LOGISTIC) == pytest.approx(log_loss(which[:, 0], both) * 50)


@pytest.mark.parametrize("kind", [GradientBoostingClassifier, HistGradientBoostingClassifier])
@pytest.mark.parametrize("count", [2, 3])
def test_refined_boosting_has_less_log_loss_where_it_was_refined(kind: Any, count: int) -> None:
    rows, truth = _two(300, 0) if count == 2 else (classified().rows, classified().truth)
    limit = {"max_iter": 10} if kind is HistGradientBoostingClassifier else {"n_estimators": 10}
    whole = make_pipeline(StandardScaler(), kind(**_SMALL, **limit)).fit(rows, truth)
    given, answers = _two(200, 1) if count == 2 else (_CLASSES.rows, classified(200, seed=1).truth)
    selection = Selection(rows=given, target=np.eye(count)[answers])
    before = log_loss(answers, whole.predict_proba(given))

    refined = refined_boosting(whole, selection)

    assert log_loss(answers, refined.predict_proba(given)) < before
    assert log_loss(answers, whole.predict_proba(given)) == before, "the model itself stays as it was"
    tight = refined_boosting(whole, selection, pull=1e9)
    np.testing.assert_allclose(tight.predict_proba(given), whole.predict_proba(given), atol=1e-4)


@pytest.mark.parametrize(
    "model",
    [GradientBoostingRegressor(n_estimators=10, **_SMALL), HistGradientBoostingRegressor(max_iter=10, **_SMALL)],
)
def test_refined_boosting_of_values_errs_less_where_it_was_refined(model: Any) -> None:
    whole, target = model.fit(valued().rows, valued().truth), _VALUES.target[:, 0]
    refined = refined_boosting(whole, _VALUES)
    assert (
        np.square(refined.predict(_VALUES.rows) - target).sum() < np.square(whole.predict(_VALUES.rows) - target).sum()
    )


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (AdaBoostClassifier(n_estimators=2), "gradient and histogram boosting"),
        (GradientBoostingRegressor(loss="huber", n_estimators=2), "not huber"),
        (GradientBoostingClassifier(loss="exponential", n_estimators=2), "not exponential"),
    ],
)
def test_what_has_another_loss_is_not_refined(model: Any, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        refined_boosting(model.fit(*_two(100, 0)), _CLASSES)
