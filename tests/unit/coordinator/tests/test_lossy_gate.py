"""What a candidate may cost whose recipe means to change predictions."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.lossy_gate import quality_loss
from mltest.coordinator.tests.registry import choice_of, make_test
from mltest.coordinator.tests.tolerance import with_tolerance
from tests.unit.coordinator.predictions import classified, value_of, valued

NATIVE = np.zeros(1000, dtype=np.int64)
RANDOM = np.random.default_rng(5)
TRUE_VALUES = RANDOM.normal(size=400)


def _flipped(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    labels = NATIVE.copy()
    labels[:count] = 1
    return labels


@pytest.mark.parametrize(("count", "passes"), [(0, True), (50, True), (51, False)])
def test_a_lossy_candidate_may_change_so_many_labels(count: int, passes: bool) -> None:
    evidence = classified(_flipped(count), reference=NATIVE, is_lossy=True)
    assert (Agreement().gate(evidence) == "") is passes
    strict = Agreement(lossy_max_differing_ratio=0.0).gate(evidence)
    assert (strict == "") is (count == 0)


def test_the_reason_says_how_many_and_what_sets_the_limit() -> None:
    reason = Agreement().gate(classified(_flipped(80), reference=NATIVE, is_lossy=True))
    assert reason.startswith("80 of 1000 labels differ from the native model (8.00%)")
    assert "--lossy-max-differing" in reason


def test_a_lossless_candidate_stays_under_the_strict_gate() -> None:
    assert "1 of 1000 labels differ" in Agreement().gate(classified(_flipped(1), reference=NATIVE))


@pytest.mark.parametrize(("count", "passes"), [(10, True), (11, False)])
def test_a_lossy_candidate_may_lose_so_much_accuracy(count: int, passes: bool) -> None:
    evidence = classified(_flipped(count), reference=NATIVE, truth=NATIVE, is_lossy=True)
    reason = Agreement().gate(evidence)
    assert (reason == "") is passes
    assert passes or "its accuracy is 0.0110 below that of the native model" in reason


def test_other_labels_that_are_better_pass() -> None:
    truth = _flipped(40)
    evidence = classified(truth, reference=NATIVE, truth=truth, is_lossy=True)
    assert Agreement().gate(evidence) == ""
    assert value_of(list(Agreement().results(evidence)), "quality_loss") == pytest.approx(-0.04)


def test_the_loss_of_a_classifier_is_that_of_its_accuracy() -> None:
    truth, native, ours = (RANDOM.integers(0, 3, 300) for _ in range(3))
    evidence = classified(ours, reference=native, truth=truth, is_lossy=True)
    assert quality_loss(evidence) == pytest.approx(accuracy_score(truth, native) - accuracy_score(truth, ours))


def test_the_loss_of_a_regressor_is_that_of_its_determination() -> None:
    native, ours = TRUE_VALUES + RANDOM.normal(0, 0.3, 400), TRUE_VALUES + RANDOM.normal(0, 0.5, 400)
    evidence = valued(ours, reference=native, truth=TRUE_VALUES, is_lossy=True)
    assert quality_loss(evidence) == pytest.approx(r2_score(TRUE_VALUES, native) - r2_score(TRUE_VALUES, ours))
    assert "coefficient of determination is" in Agreement().gate(evidence)
    assert Agreement(lossy_max_quality_loss=0.5).gate(evidence) == ""


def test_a_regressor_without_true_values_is_held_against_the_native_values() -> None:
    close, far = (TRUE_VALUES + RANDOM.normal(0, spread, 400) for spread in (0.05, 0.5))
    assert quality_loss(valued(close, reference=TRUE_VALUES)) == pytest.approx(1 - r2_score(TRUE_VALUES, close))
    assert Agreement().gate(valued(close, reference=TRUE_VALUES, is_lossy=True)) == ""
    assert Agreement().gate(valued(far, reference=TRUE_VALUES, is_lossy=True)) != ""


def test_what_is_not_a_number_does_not_pass_as_lossy_either() -> None:
    evidence = valued([1.0, np.nan, 3.0], reference=[1.0, 2.0, 3.0], is_lossy=True)
    assert "NaN or infinity" in Agreement().gate(evidence)


def test_the_limits_of_a_plan_reach_the_gate() -> None:
    plan = Plan(lossy_max_differing_ratio=0.2, lossy_max_quality_loss=0.1)
    (found,) = map(make_test, with_tolerance((), plan))
    assert found == Agreement(lossy_max_differing_ratio=0.2, lossy_max_quality_loss=0.1)


def test_a_plan_and_the_test_have_the_same_defaults() -> None:
    assert make_test(choice_of(Agreement)) == Agreement(
        **{
            name: getattr(Plan(), name)
            for name in (
                *("min_label_agreement", "max_abs_difference"),
                *("lossy_max_differing_ratio", "lossy_max_quality_loss"),
            )
        }
    )


def test_only_lossy_candidates_report_a_loss() -> None:
    evidence = classified(NATIVE, truth=NATIVE)
    assert not [one for one in Agreement().results(evidence) if one.metric == "quality_loss"]
    assert value_of(list(Agreement().results(replace(evidence, is_lossy=True))), "quality_loss") == 0


@pytest.mark.parametrize("params", [{"lossy_max_differing_ratio": 1.5}, {"lossy_max_quality_loss": -1.0}])
def test_limits_that_cannot_be_meant_are_refused(params: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"between|negative"):
        Agreement(**params)
