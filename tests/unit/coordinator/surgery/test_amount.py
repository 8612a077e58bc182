import pytest

from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.shared.errors import PlanInvalidError


@pytest.mark.parametrize(
    ("text", "total", "expected"),
    [("32", 64, 32), ("1/2", 64, 32), ("0.25", 64, 16), ("1/4", 3, 1), ("1/100", 7, 1), ("100", 7, 100)],
)
def test_an_amount_is_a_number_or_a_share(text: str, total: int, expected: int) -> None:
    assert amount_of(text, total) == expected


@pytest.mark.parametrize("text", ["", "half", "0", "-3", "1.5", "1/0", "nan"])
def test_what_is_neither_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(PlanInvalidError, match=r"give a number \(32\) or a share \(1/2\)"):
        amount_of(text, 64)
