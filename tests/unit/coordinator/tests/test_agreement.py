from dataclasses import replace

import numpy as np
import pytest

from mltest.coordinator.tests.agreement import Agreement
from mltest.shared.domain import Output
from tests.unit.coordinator.predictions import classified, value_of, valued

SURE = np.tile([0.9, 0.05, 0.05], (2000, 1))
ZEROS = np.zeros(2000, dtype=np.int64)


def test_the_same_predictions_pass() -> None:
    evidence = classified(ZEROS, scores=SURE)
    assert Agreement().gate(evidence) == ""
    assert value_of(list(Agreement().results(evidence)), "label_agreement") == 1
    assert value_of(list(Agreement().results(evidence)), "max_abs_difference") == 0


def test_one_flipped_label_in_ten_thousand_is_caught_and_may_be_allowed() -> None:
    native, flipped = np.zeros(10_000, dtype=np.int64), np.zeros(10_000, dtype=np.int64)
    flipped[4321] = 1
    evidence = classified(flipped, reference=native)
    assert "1 of 10000 labels differ" in Agreement().gate(evidence)
    assert "agreement 0.9999," in Agreement().gate(evidence)
    assert "min_label_agreement" in Agreement().gate(evidence)
    assert Agreement(min_label_agreement=0.9999).gate(evidence) == ""


def test_a_probability_that_is_off_by_1e_4_in_one_row_of_ten_thousand_is_caught() -> None:
    native = np.tile([0.9, 0.05, 0.05], (10_000, 1))
    shifted = native.copy()
    shifted[17, 0] += 1e-4
    evidence = classified(np.zeros(10_000, dtype=np.int64), scores=shifted, reference_scores=native)
    assert "in 1 of 10000 rows a probability differs" in Agreement().gate(evidence)
    assert "max_abs_difference" in Agreement().gate(evidence)
    assert Agreement(max_abs_difference=2e-4).gate(evidence) == ""


@pytest.mark.parametrize(
    ("input_dtype", "off", "passes"),
    [("float32", 0.9e-5, True), ("float32", 1.1e-5, False), ("float64", 1e-7, True), ("float64", 1.1e-6, False)],
)
def test_how_far_a_probability_may_be_off_depends_on_the_type(input_dtype: str, off: float, passes: bool) -> None:
    evidence = classified(ZEROS, scores=SURE + off, reference_scores=SURE, input_dtype=input_dtype)
    assert (Agreement().gate(evidence) == "") is passes


def test_other_probabilities_with_the_same_labels_do_not_pass() -> None:
    vote = np.tile([1.0, 0.0, 0.0], (2000, 1))
    evidence = classified(ZEROS, scores=vote, reference_scores=SURE)
    assert "in 2000 of 2000 rows a probability differs" in Agreement().gate(evidence)
    assert Agreement(max_abs_difference=0.2).gate(evidence) == ""


def test_another_label_for_a_tie_of_the_native_model_is_told_but_passes() -> None:
    tied = np.tile([0.5, 0.5, 0.0], (100, 1))
    evidence = classified(
        np.ones(100, dtype=np.int64), reference=ZEROS[:100], scores=tied + 1e-8, reference_scores=tied
    )
    assert Agreement().gate(evidence) == ""
    results = list(Agreement().results(evidence))
    assert value_of(results, "label_agreement") == 0
    assert value_of(results, "tied_label_count") == 100


def test_equal_probabilities_are_no_tie_where_the_native_model_decides_by_something_else() -> None:
    # As SGDClassifier with the loss modified_huber: probabilities are clipped, labels are of the unclipped scores.
    clipped = np.tile([0.5, 0.5, 0.0], (100, 1))
    native = np.arange(100) % 2
    evidence = classified(ZEROS[:100], reference=native, scores=clipped, reference_scores=clipped)
    assert "50 of 100 labels differ" in Agreement().gate(evidence)
    assert not [found for found in Agreement().results(evidence) if found.metric == "tied_label_count"]


def test_another_label_for_what_the_native_model_is_sure_of_does_not_pass_with_equal_scores() -> None:
    flipped = ZEROS.copy()
    flipped[:3] = 1
    evidence = classified(flipped, reference=ZEROS, scores=SURE, reference_scores=SURE)
    assert "3 of 2000 labels differ" in Agreement().gate(evidence)
    rows = [(r.value, r.label) for r in Agreement().results(evidence) if r.metric == "differing_row"]
    assert rows == [(0.0, "a>b"), (1.0, "a>b"), (2.0, "a>b")]


@pytest.mark.parametrize("largest", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_shift_of_all_values_by_1e_4_is_caught(largest: float, sign: int) -> None:
    native = np.linspace(-largest, largest, 10_000)
    assert Agreement().gate(valued(native, reference=native)) == ""
    assert "0.0001" in Agreement().gate(valued(native + sign * 1e-4, reference=native))
    assert Agreement(max_abs_difference=2e-4).gate(valued(native + sign * 1e-4, reference=native)) == ""


def test_a_few_large_values_hide_no_shift_of_the_others() -> None:
    native = np.linspace(50, 250, 10_000)
    native[:10] = 5000
    assert "are shifted by 0.0001" in Agreement().gate(valued(native + 1e-4, reference=native))


def test_a_value_of_one_row_may_not_be_off_by_more_than_its_type_explains() -> None:
    native = np.linspace(-1, 1, 10_000)
    values = native.copy()
    values[5] += 1e-4
    assert "in 1 of 10000 rows" in Agreement().gate(valued(values, reference=native))


@pytest.mark.parametrize("largest", [1.0, 86.0, 308.0, 1e5])
@pytest.mark.parametrize("terms", [100, 200])
def test_sums_of_many_float32_numbers_pass(largest: float, terms: int) -> None:
    trees = np.random.default_rng(1).uniform(0, largest / terms, (3000, terms))
    total = np.zeros(3000, dtype=np.float32)
    for tree in trees.T:
        total += tree.astype(np.float32)
    assert Agreement().gate(valued(total, reference=trees.sum(axis=1))) == ""


def test_values_of_float64_may_differ_by_the_last_bits_only() -> None:
    native = np.linspace(-100, 100, 500)
    assert Agreement().gate(valued(native + 1e-11, reference=native, input_dtype="float64")) == ""
    assert "a value differs" in Agreement().gate(valued(native + 1e-9, reference=native, input_dtype="float64"))


@pytest.mark.parametrize(
    "params", [{"min_label_agreement": 1.5}, {"max_abs_difference": -1.0}, {"tie_tolerance": -1e-9}]
)
def test_what_cannot_be_meant_is_refused(params: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"between|negative"):
        Agreement(**params)


def test_the_worst_rows_are_named_worst_first() -> None:
    native = np.zeros(10)
    values = native.copy()
    values[[7, 2, 5]] = [3, -9, 1]
    results = Agreement().results(valued(values, reference=native))
    worst = [(result.label, result.value) for result in results if result.metric == "worst_row_difference"]
    assert worst == [("2", 9.0), ("7", 3.0), ("5", 1.0)]


def test_what_is_not_a_number_does_not_pass() -> None:
    assert "NaN or infinity in 1 rows (first: row 1)" in Agreement().gate(
        valued([1.0, np.nan, 3.0], reference=[1.0, 2.0, 3.0])
    )


def test_another_number_of_rows_does_not_pass() -> None:
    assert "for 3 rows" in Agreement().gate(classified([0, 1], reference=[0, 1, 2]))


def test_scores_of_another_kind_are_not_compared() -> None:
    results = Agreement().results(classified([0, 1], scores=[[1.0, 0.0, 0.0]] * 2, reference_scores=[[1.0], [0.0]]))
    assert value_of(list(results), "max_abs_difference") is None


def test_probabilities_are_held_to_the_same_where_labels_are_what_is_timed() -> None:
    evidence = classified(ZEROS, scores=SURE + 1e-4, reference_scores=SURE)
    timed_by_labels = replace(evidence, model=replace(evidence.model, output=Output.LABELS))
    assert "a probability differs" in Agreement().gate(timed_by_labels)


def test_labels_without_scores_on_either_side_are_no_other_kind_of_scores() -> None:
    neither = classified(ZEROS)
    (missing,) = [one for one in Agreement().results(neither) if one.metric == "max_abs_difference"]
    assert missing.reason == "the model gives labels only, and no scores that could differ"

    one_sided = classified(ZEROS, reference_scores=SURE)
    (missing,) = [one for one in Agreement().results(one_sided) if one.metric == "max_abs_difference"]
    assert "not give the same kind of scores" in missing.reason
