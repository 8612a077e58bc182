import pytest

from mltest.coordinator.analysis.verification import verification_reason
from mltest.shared.domain import CallsVerified, VerifiedCalls


def verified(metric: str = "latency_ns", batch_size: int = 16, **found: object) -> CallsVerified:
    calls = VerifiedCalls(metric=metric, batch_size=batch_size, row_count=10_000, **found)  # type: ignore[arg-type]
    equal = VerifiedCalls(metric="latency_ns", batch_size=1, row_count=10_000)
    return CallsVerified(candidate_id="c", calls=(equal, calls))


def test_calls_that_answer_what_is_predicted_pass() -> None:
    assert verification_reason(verified()) == ""


def test_a_single_other_label_is_told_with_its_row() -> None:
    assert verification_reason(verified(differing_row_count=1, worst_rows=(17,))) == (
        "calls with 16 rows answer 1 of 10,000 rows otherwise than its predictions for the whole dataset (row 17)"
    )


def test_the_form_of_the_call_is_named_where_it_is_not_the_usual_one() -> None:
    reason = verification_reason(verified("native_latency_ns", 1, differing_row_count=3, worst_rows=(5, 17)))
    assert reason.startswith("native calls with 1 row answer 3 of 10,000 rows")
    assert reason.endswith("(rows 5, 17)")


def test_the_user_may_let_labels_and_scores_differ() -> None:
    found = verified(differing_row_count=10, max_abs_difference=1e-3)
    assert verification_reason(found, min_label_agreement=0.999, max_abs_difference=1e-3) == ""
    assert "10 of 10,000 rows" in verification_reason(found, min_label_agreement=0.9995, max_abs_difference=1e-3)
    assert "by up to 0.001" in verification_reason(found, min_label_agreement=0.999, max_abs_difference=1e-4)


@pytest.mark.parametrize(
    ("difference", "arguments", "passes"),
    [
        (1e-4, {}, False),
        (2e-7, {}, True),
        (1e-4, {"largest_value": 100.0}, True),
        (1e-2, {"largest_value": 100.0}, False),
        (1e-9, {"input_dtype": "float64"}, False),
        (1e-13, {"input_dtype": "float64"}, True),
        (1e-7, {"input_dtype": "float64", "are_probabilities": True}, True),
        (1e-4, {"input_dtype": "float64", "are_probabilities": True}, False),
        (float("nan"), {}, False),
    ],
)
def test_a_score_may_differ_by_what_its_arithmetic_explains(
    difference: float, arguments: dict[str, object], passes: bool
) -> None:
    reason = verification_reason(verified(max_abs_difference=difference), **arguments)  # type: ignore[arg-type]
    assert (reason == "") is passes


@pytest.mark.parametrize(
    ("shift", "arguments", "passes"),
    [
        (1e-4, {"largest_value": 340.0}, False),
        (-1e-4, {"largest_value": 340.0}, False),
        (1e-6, {"largest_value": 340.0}, True),
        (1e-4, {"largest_value": 1e4}, True),
        (1e-4, {"largest_value": 340.0, "max_abs_difference": 1e-3}, True),
    ],
)
def test_a_shift_of_all_rows_is_told_although_single_rows_may_move_as_far(
    shift: float, arguments: dict[str, object], passes: bool
) -> None:
    found = verified(max_abs_difference=abs(shift), median_shift=shift)
    reason = verification_reason(found, **arguments)  # type: ignore[arg-type]
    assert (reason == "") is passes
    assert passes or reason.startswith("calls with 16 rows are shifted by ")
