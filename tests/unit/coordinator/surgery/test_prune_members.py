"""Which members stay, and that nothing else of them changes."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.builder.surgery.member_choice import by_complementarity, by_quality, by_reduced_error
from mltest.coordinator.builder.surgery.prune_members import METHODS, member_outputs, prune_members
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError
from tests.unit.coordinator.surgery.fitted import classified, selection_of, valued

_CHOSEN_BY = classified(200, seed=1)
_CLASSIFIERS = [
    RandomForestClassifier(12, max_depth=4, random_state=0),
    ExtraTreesClassifier(12, max_depth=4, random_state=0),
    BaggingClassifier(DecisionTreeClassifier(max_depth=4), n_estimators=12, max_features=0.6, random_state=0),
    BaggingClassifier(KNeighborsClassifier(), n_estimators=12, random_state=0),
]
_REGRESSORS = [
    RandomForestRegressor(12, max_depth=4, random_state=0),
    BaggingRegressor(n_estimators=12, random_state=0),
]


def fitted(estimator: Any) -> Any:
    found = classified() if hasattr(estimator, "predict_proba") else valued()
    return estimator.fit(found.rows, found.truth)


def kept_positions(before: Any, after: Any) -> list[int]:
    seeds = [member.random_state if hasattr(member, "random_state") else None for member in before.estimators_]
    return [seeds.index(member.random_state) for member in after.estimators_]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("estimator", _CLASSIFIERS[:3], ids=lambda found: type(found).__name__)
def test_a_pruned_classifier_predicts_the_mean_of_the_members_that_it_keeps(estimator: Any, method: str) -> None:
    whole, rows = fitted(estimator), classified(100, seed=2).rows
    pruned = prune_members(whole, selection_of(_CHOSEN_BY), method=method, keep="1/3")
    kept = kept_positions(whole, pruned)
    assert len(set(kept)) == 4
    seen = getattr(whole, "estimators_features_", [slice(None)] * 12)
    shares = [whole.estimators_[position].predict_proba(rows[:, seen[position]]) for position in kept]
    np.testing.assert_allclose(pruned.predict_proba(rows), np.mean(shares, axis=0), rtol=0, atol=1e-15)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("estimator", _REGRESSORS, ids=lambda found: type(found).__name__)
def test_a_pruned_regressor_predicts_the_mean_of_the_members_that_it_keeps(estimator: Any, method: str) -> None:
    whole, rows = fitted(estimator), valued(100, seed=2).rows
    pruned = prune_members(whole, selection_of(valued(200, seed=1)), method=method, keep="5")
    kept = kept_positions(whole, pruned)
    assert len(set(kept)) == 5
    values = [whole.estimators_[position].predict(rows) for position in kept]
    np.testing.assert_allclose(pruned.predict(rows), np.mean(values, axis=0), rtol=1e-14)


def test_members_of_any_kind_can_be_left_out() -> None:
    pruned = prune_members(fitted(_CLASSIFIERS[3]), selection_of(_CHOSEN_BY), method="reduced-error", keep="1/2")
    assert len(pruned.estimators_) == 6
    assert pruned.predict(_CHOSEN_BY.rows).shape == (200,)


def test_the_greedy_choice_is_that_of_a_plain_search() -> None:
    whole = fitted(RandomForestClassifier(8, max_depth=3, random_state=1))
    shares = [member.predict_proba(_CHOSEN_BY.rows) for member in whole.estimators_]

    def wrong(chosen: list[int]) -> tuple[int, float]:
        mean = np.mean([shares[position] for position in chosen], axis=0)
        labels = mean.argmax(axis=1)
        return int((labels != _CHOSEN_BY.truth).sum()), float(((mean - np.eye(3)[_CHOSEN_BY.truth]) ** 2).sum())

    expected: list[int] = []
    for _ in range(5):
        waiting = [position for position in range(8) if position not in expected]
        expected.append(min(waiting, key=lambda position: wrong([*expected, position])))
    outputs = member_outputs(whole, _CHOSEN_BY.rows)
    target = np.eye(3)[_CHOSEN_BY.truth]
    assert by_reduced_error(outputs, target, 5, Task.CLASSIFICATION) == expected


def test_the_best_alone_are_those_of_the_highest_accuracy() -> None:
    whole = fitted(RandomForestClassifier(10, max_depth=3, random_state=1))
    outputs = member_outputs(whole, _CHOSEN_BY.rows)
    kept = by_quality(outputs, np.eye(3)[_CHOSEN_BY.truth], 4, Task.CLASSIFICATION)
    scores = [accuracy_score(_CHOSEN_BY.truth, member.predict(_CHOSEN_BY.rows)) for member in whole.estimators_]
    assert min(scores[position] for position in kept) >= max(
        score for position, score in enumerate(scores) if position not in kept
    )


def test_the_complement_is_right_where_the_others_are_wrong() -> None:
    # Member 0 is right in rows 0 to 2, and best; 1 repeats it but for one row; 2 is right in the rest only.
    is_right = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1]], dtype=np.bool_)
    outputs = np.stack([is_right, ~is_right], axis=2).astype(np.float32)
    target = np.tile([1.0, 0.0], (5, 1))
    assert by_complementarity(outputs, target, 2, Task.CLASSIFICATION) == [0, 2]


def test_the_complement_of_values_errs_to_the_other_side() -> None:
    outputs = np.array([[1.0, 1.0], [1.1, 1.1], [-1.2, -1.2]], dtype=np.float32)[:, :, None]
    assert by_complementarity(outputs, np.zeros((2, 1)), 2, Task.REGRESSION) == [0, 2]


def test_a_forest_in_a_pipeline_is_pruned_by_rows_as_it_gets_them() -> None:
    found = classified()
    piped = make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)).fit(
        found.rows * 100, found.truth
    )
    scaled = piped[0].transform(_CHOSEN_BY.rows * 100)
    chosen_by = selection_of(type(_CHOSEN_BY)(_CHOSEN_BY.rows * 100, _CHOSEN_BY.truth))
    pruned = prune_members(piped, chosen_by, method="individual", keep="3")
    outputs = member_outputs(piped[-1], scaled)
    expected = sorted(by_quality(outputs, chosen_by.target, 3, Task.CLASSIFICATION))
    assert kept_positions(piped[-1], pruned[-1]) == expected


def test_the_model_as_submitted_stays_as_it_is() -> None:
    whole = fitted(RandomForestClassifier(6, random_state=0))
    before = whole.predict_proba(_CHOSEN_BY.rows)
    prune_members(whole, selection_of(_CHOSEN_BY), method="reduced-error", keep="2")
    assert len(whole.estimators_) == whole.n_estimators == 6
    np.testing.assert_array_equal(whole.predict_proba(_CHOSEN_BY.rows), before)


def test_what_is_no_mean_of_members_is_refused_by_name() -> None:
    machine = SVC().fit(_CHOSEN_BY.rows, _CHOSEN_BY.truth)
    with pytest.raises(ConversionError, match="this is SVC"):
        prune_members(machine, selection_of(_CHOSEN_BY), method="individual", keep="2")


def test_more_members_than_there_are_cannot_be_kept() -> None:
    with pytest.raises(ConversionError, match="the model has 6 trees, and 6 are to be kept"):
        prune_members(
            fitted(RandomForestClassifier(6, random_state=0)), selection_of(_CHOSEN_BY), method="individual", keep="6"
        )
