from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.builder.judging.disturbance.disturbances import DISTURBANCES, column_ranges
from mltest.coordinator.builder.judging.disturbance.label_attack import LabelAttack as Attack
from mltest.coordinator.builder.judging.linear_radius import affine_scores, exact_radii
from mltest.coordinator.tests.robustness import LabelAttack, LinearRadius, Noise
from mltest.shared.native.predictions import Predictions
from tests.unit.coordinator.examined import evidence_of, only, value_of

ROWS, TRUTH = load_breast_cancer(return_X_y=True)
IRIS, KINDS = load_iris(return_X_y=True)


def test_the_radius_of_two_classes_is_the_distance_in_the_dual_norm() -> None:
    # 2 x - y - 1 at (3, 0) is 5, and the weights sum to 3: by hand 5 / 3; with the range 10 of x, 5 / 21.
    slopes, offsets = np.array([[2.0, -1.0]]), np.array([-1.0])
    rows = np.array([[3.0, 0.0]])
    assert exact_radii(rows, slopes, offsets, np.ones(2))[0] == pytest.approx([5 / 3])
    assert exact_radii(rows, slopes, offsets, np.array([10.0, 1.0]))[0] == pytest.approx([5 / 21])


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LinearSVC(),
        RidgeClassifier(),
        SVC(kernel="linear"),
    ],
)
def test_every_label_changes_just_behind_its_radius_and_none_before(estimator: LogisticRegression) -> None:
    model = make_pipeline(StandardScaler(), estimator).fit(ROWS, TRUTH)
    results = list(LinearRadius().examine(evidence_of(model, ROWS, TRUTH)))
    assert value_of(results, "attack_count", statistic="verified") == len(ROWS)
    assert not [one for one in results if one.value is None]
    shares = [one.value for one in results if one.metric == "robust_accuracy"]
    assert shares == sorted(shares, reverse=True)  # type: ignore[type-var]  # each has a value


def test_several_classes_have_radii_that_the_model_confirms() -> None:
    model = LogisticRegression(max_iter=1000).fit(IRIS, KINDS)
    results = list(LinearRadius().examine(evidence_of(model, IRIS, KINDS)))
    assert value_of(results, "attack_count", statistic="verified") == len(IRIS)


def test_a_model_that_is_not_linear_has_no_closed_form() -> None:
    model = SVC(kernel="rbf").fit(IRIS[:100], KINDS[:100])
    (found,) = LinearRadius().examine(evidence_of(model, IRIS[:100], KINDS[:100]))
    assert "not linear" in found.reason
    votes = SVC(kernel="linear").fit(IRIS, KINDS)
    assert "votes" in LinearRadius().examine(evidence_of(votes, IRIS, KINDS))[0].reason


@pytest.mark.parametrize("problems", [1, pytest.param(10, marks=pytest.mark.long)])
def test_no_attack_finds_less_than_the_exact_radius(problems: int) -> None:
    random = np.random.default_rng(0)
    for seed in range(problems):
        rows = random.normal(size=(100, 4))
        truth = (rows @ random.normal(size=4) + 0.3 * random.normal(size=100) > 0).astype(int)
        model = LogisticRegression().fit(rows, truth)
        evidence = evidence_of(model, rows, truth)
        weights, _ = affine_scores(evidence)
        assert weights is not None
        exact, _ = exact_radii(rows, *weights, column_ranges(rows))
        attack = Attack(evidence, seed)
        found = np.array([attack.radius(row, 3 if problems > 1 else 1) for row in range(100)])
        assert (found >= exact * (1 - 1e-9)).all()


def test_an_attack_comes_close_to_the_exact_radius() -> None:
    model = LogisticRegression(max_iter=5000).fit(IRIS[:100], KINDS[:100])
    evidence = evidence_of(model, IRIS[:100], KINDS[:100])
    weights, _ = affine_scores(evidence)
    assert weights is not None
    exact, _ = exact_radii(IRIS[:100], *weights, column_ranges(IRIS[:100]))
    attack = Attack(evidence, 0)
    ratios = [attack.radius(row, 40) / exact[row] for row in range(0, 100, 10)]
    assert max(ratios) < 1.3


def test_an_attack_on_one_tree_finds_its_threshold() -> None:
    # The tree splits at 0.5: from 0 the label changes behind 0.5 of the range 2.
    rows = np.array([[0.0], [1.0], [2.0]])
    tree = DecisionTreeClassifier().fit(rows, [0, 1, 1])
    results = list(LabelAttack(rows=1).examine(evidence_of(tree, rows, [0, 1, 1])))
    assert value_of(results, "radius_attacked") == pytest.approx(0.25, abs=1e-3)
    assert value_of(results, "robust_accuracy", label="radius 0.1") == 1


def test_rows_that_the_budget_does_not_reach_are_counted() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(IRIS, KINDS)
    late = replace(evidence_of(forest, IRIS, KINDS), started_s=-1e9)
    (found,) = LabelAttack(budget_s=1).examine(late)
    assert "in time" in found.reason


def test_a_model_that_always_says_the_same_withstands() -> None:
    model = DecisionTreeClassifier().fit(IRIS, np.zeros(150, dtype=int))
    results = list(LabelAttack(rows=3).examine(evidence_of(model, IRIS, np.zeros(150, dtype=int))))
    assert value_of(results, "attack_count") == 0
    assert "says the same" in only(results, "radius_attacked").reason


def test_more_noise_leaves_fewer_labels() -> None:
    forest = RandomForestClassifier(10, random_state=0).fit(IRIS, KINDS)
    results = list(Noise(repeats=3).examine(evidence_of(forest, IRIS, KINDS)))
    kept = [value_of(results, "noise_agreement", label=f"gaussian {size:g}") for size in (0.01, 0.05, 0.1, 0.2)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.95 > kept[-1]
    assert value_of(results, "noise_accuracy", label="gaussian 0.01") == pytest.approx(1, abs=0.05)


def test_noise_that_changes_nothing_changes_no_figure() -> None:
    model = LinearRegression().fit(IRIS, KINDS)
    results = list(Noise(sizes=(1e-12,), repeats=1).examine(evidence_of(model, IRIS, KINDS.astype(float))))
    assert value_of(results, "noise_r2", label="gaussian 1e-12") == pytest.approx(model.score(IRIS, KINDS))


def test_gaps_have_a_figure_where_the_model_takes_them_and_a_reason_where_it_does_not() -> None:
    tree = DecisionTreeClassifier(random_state=0).fit(IRIS, KINDS)
    results = list(Noise(sizes=(0.5,), repeats=2).examine(evidence_of(tree, IRIS, KINDS)))
    assert value_of(results, "noise_agreement", label="missing 0.5") < 0.9
    linear = LogisticRegression(max_iter=1000).fit(IRIS, KINDS)
    results = list(Noise(sizes=(0.5,), repeats=2).examine(evidence_of(linear, IRIS, KINDS)))
    assert "does not take such rows" in only(results, "noise_accuracy", label="missing 0.5").reason


def test_drift_moves_whole_columns_by_the_share_of_their_range_that_is_asked_for() -> None:
    random = np.random.default_rng(0)
    moved = DISTURBANCES["shifted"](IRIS, 0.1, random) - IRIS
    assert np.abs(moved) == pytest.approx(np.broadcast_to(0.1 * column_ranges(IRIS), IRIS.shape))
    assert np.ptp(moved, axis=0) == pytest.approx(np.zeros(4))
    spread = column_ranges(DISTURBANCES["scaled"](IRIS, 0.1, random)) / column_ranges(IRIS)
    assert set(np.round(spread, 9)) <= {0.9, 1.1}


def test_disturbances_that_the_budget_does_not_reach_are_counted() -> None:
    model = LinearRegression().fit(IRIS, KINDS)
    late = replace(evidence_of(model, IRIS, KINDS.astype(float)), started_s=-1e9)
    (found,) = Noise(budget_s=1).examine(late)
    assert "32 disturbances" in found.reason


def test_no_interval_of_a_share_leaves_0_to_1() -> None:
    forest = RandomForestClassifier(10, random_state=0).fit(IRIS, KINDS)
    results = list(Noise(sizes=(0.05,), repeats=3).examine(evidence_of(forest, IRIS, KINDS)))
    with_interval = [one for one in results if one.low is not None and one.high is not None]
    assert any(one.value != one.high for one in with_interval)
    assert all(0 <= (one.low or 0) <= (one.value or 0) <= (one.high or 0) <= 1 for one in with_interval)


def test_a_budget_that_ends_amid_repeats_keeps_those_that_were_made() -> None:
    evidence = evidence_of(LogisticRegression(max_iter=1000).fit(IRIS, KINDS), IRIS, KINDS)
    asked = 0

    def predict(rows: NDArray[np.floating]) -> Predictions:
        nonlocal asked
        asked += 1
        if asked == 3:
            # As if the budget had passed: the clock is a field of what the test sees.
            object.__setattr__(spent, "started_s", -1e9)
        return evidence.predict(rows)

    spent = replace(evidence, predict=predict)
    results = list(Noise(repeats=50, budget_s=600).examine(spent))
    assert asked == 3
    assert only(results, "noise_agreement").count == 3
    assert only(results, "noise_accuracy", label="gaussian 0.01").count == 3
    assert "31 disturbances were not reached, and 1 were not repeated 50 times" in results[-1].reason
