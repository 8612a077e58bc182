"""Calls that answer otherwise than the candidate's own predictions: they are timed, but never ranked."""

from mltest.coordinator.analysis.arithmetic import FLOAT32_TOLERANCE, allowed_difference
from mltest.coordinator.analysis.forms import FORMS
from mltest.shared.domain import CallsVerified, VerifiedCalls

_FORM_NAMES = {form.raw_metric: name for name, form in FORMS.items()}
_NAMED_ROWS = 5
_SHIFT_TOLERANCE = 1e-7
"""Times the largest value: less than the last bit of a float32. The same runtime answered, only in other portions."""


def verification_reason(
    verified: CallsVerified,
    *,
    input_dtype: str = "float32",
    largest_value: float = 1.0,
    are_probabilities: bool = False,
    min_label_agreement: float = 1.0,
    max_abs_difference: float = 0.0,
) -> str:
    """Return why calls do not answer what the candidate predicts; empty if they do.

    Args:
        verified: what calls answered, by form and batch size.
        input_dtype: type in which the runtime gets X.
        largest_value: absolute value of its predictions; 1 for a classifier.
        are_probabilities: whether calls answer class probabilities.
        min_label_agreement: share of rows that must have the same label.
        max_abs_difference: largest difference that is let through; 0: what arithmetic explains.

    """
    arithmetic = allowed_difference(largest_value, input_dtype, are_probabilities=are_probabilities)
    allowed = max_abs_difference or arithmetic
    shift = max_abs_difference or min(arithmetic, max(FLOAT32_TOLERANCE, _SHIFT_TOLERANCE * largest_value))
    reasons = (_reason(calls, allowed, shift, min_label_agreement) for calls in verified.calls)
    return "; ".join(reason for reason in reasons if reason)


def verification_remarks(verified: CallsVerified, row_count: int) -> tuple[str, ...]:
    """Return which calls were not compared on all of `row_count` rows; a wrong answer may hide in the others."""
    return tuple(
        f"{_name(calls)}: only {calls.row_count:,} of {row_count:,} rows were verified before time was up; "
        "a larger step_timeout_s in the plan, or a smaller row_cap, verifies all"
        for calls in verified.calls
        if calls.row_count < row_count
    )


def _reason(calls: VerifiedCalls, allowed: float, allowed_median: float, min_label_agreement: float) -> str:
    if calls.row_count - calls.differing_row_count < min_label_agreement * calls.row_count:
        what = f"answer {calls.differing_row_count:,} of {calls.row_count:,} rows otherwise"
    elif not calls.max_abs_difference <= allowed:
        what = f"answer by up to {calls.max_abs_difference:.2g} otherwise (at most {allowed:.2g} is allowed)"
    elif not abs(calls.median_shift) <= allowed_median:
        what = f"are shifted by {calls.median_shift:.2g} (median; at most {allowed_median:.2g} is allowed)"
    else:
        return ""
    return f"{_name(calls)} {what} than its predictions for the whole dataset{_rows(calls)}"


def _name(calls: VerifiedCalls) -> str:
    form = _FORM_NAMES.get(calls.metric, calls.metric)
    kind = "" if form == "python" else f"{form} "
    return f"{kind}calls with {calls.batch_size} row{'' if calls.batch_size == 1 else 's'}"


def _rows(calls: VerifiedCalls) -> str:
    named = ", ".join(map(str, calls.worst_rows[:_NAMED_ROWS]))
    return f" (row{'' if len(calls.worst_rows) == 1 else 's'} {named})" if named else ""
