import numpy as np

from mltest.coordinator.tests.agreement import Agreement
from tests.unit.coordinator.predictions import classified, value_of, valued

SURE = np.tile([0.9, 0.05, 0.05], (2000, 1))
ZEROS = np.zeros(2000, dtype=np.int64)


def test_the_same_predictions_pass() -> None:
    evidence = classified(ZEROS, scores=SURE)
    assert Agreement().gate(evidence) == ""
    assert value_of(list(Agreement().results(evidence)), "label_agreement") == 1
    assert value_of(list(Agreement().results(evidence)), "max_abs_difference") == 0


def test_one_label_in_a_thousand_may_differ_but_not_more() -> None:
    few, many = ZEROS.copy(), ZEROS.copy()
    few[:2], many[:3] = 1, 1
    assert Agreement().gate(classified(few, reference=ZEROS)) == ""
    assert "3 of 2000 labels differ" in Agreement().gate(classified(many, reference=ZEROS))


def test_other_probabilities_with_the_same_labels_do_not_pass() -> None:
    vote = np.tile([1.0, 0.0, 0.0], (2000, 1))
    assert "a probability differs by more than 0.01" in Agreement().gate(
        classified(ZEROS, scores=vote, reference_scores=SURE)
    )
    assert Agreement(max_probability_difference=0.2).gate(classified(ZEROS, scores=vote, reference_scores=SURE)) == ""


def test_another_label_for_a_tie_of_the_native_model_is_told_but_passes() -> None:
    tied = np.tile([0.5, 0.5, 0.0], (100, 1))
    evidence = classified(
        np.ones(100, dtype=np.int64), reference=ZEROS[:100], scores=tied + 1e-8, reference_scores=tied
    )
    assert Agreement().gate(evidence) == ""
    results = list(Agreement().results(evidence))
    assert value_of(results, "label_agreement") == 0
    assert value_of(results, "tied_label_count") == 100


def test_another_label_for_what_the_native_model_is_sure_of_does_not_pass_with_equal_scores() -> None:
    flipped = ZEROS.copy()
    flipped[:3] = 1
    evidence = classified(flipped, reference=ZEROS, scores=SURE, reference_scores=SURE)
    assert "3 of 2000 labels differ" in Agreement().gate(evidence)
    rows = [(r.value, r.label) for r in Agreement().results(evidence) if r.metric == "differing_row"]
    assert rows == [(0.0, "a>b"), (1.0, "a>b"), (2.0, "a>b")]


def test_values_may_differ_by_a_thousandth_of_their_spread() -> None:
    native = np.linspace(-100, 100, 500)
    allowed = 1e-3 * native.std()
    assert Agreement().gate(valued(native + 0.99 * allowed, reference=native)) == ""
    assert "a value differs by" in Agreement().gate(valued(native + 1.01 * allowed, reference=native))


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
