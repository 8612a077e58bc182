"""Quantities for people."""

import pytest

from mltest.shared.units import (
    bytes_text,
    date_text,
    duration_text,
    factor_text,
    parse_quantity,
    quantity_text,
    rate_text,
    ratio_text,
    seconds_text,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ns"),
        (6e-8, "60.0 ns"),
        (7.264e-6, "7.26 µs"),
        (9.996e-4, "1.00 ms"),
        (0.1234, "123 ms"),
        (1, "1.00 s"),
        (1234.5, "1234 s"),
    ],
)
def test_times_have_three_digits_and_a_unit_that_fits(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (bytes_text(1_320_000), "1.32 MB"),
        (bytes_text(5), "5.00 B"),
        (rate_text(333_400), "333 k/s"),
        (rate_text(12.34), "12.3/s"),
        (factor_text(0.334), "0.334x"),
        (factor_text(252.4), "252x"),
        (quantity_text(90, "ns"), "90.0 ns"),
        (quantity_text(0.5, "1"), "0.5"),
        (duration_text(59.6), "1 min 0 s"),
        (duration_text(12_345), "3 h 25 min"),
        (duration_text(-1), "0 s"),
        (date_text(1_795_419_581_790_954_259), "2026-11-23 07:39:41Z"),
    ],
)
def test_other_quantities_are_written_alike(text: str, expected: str) -> None:
    assert text == expected


def test_a_share_below_one_is_never_written_as_one() -> None:
    assert ratio_text(1.0) == "1.0000"
    assert ratio_text(0.99999) == "0.99999"
    assert ratio_text(0.93299) == "0.9330"


def test_what_is_1_but_for_rounding_errors_is_written_as_1() -> None:
    assert ratio_text(0.1 * 3 + 0.7) == "1.0000"
    assert ratio_text(1 - 1e-9) == "1.0000"
    assert ratio_text(1 + 1e-16) == "1.0000"
    assert ratio_text(1.00001) == "1.00001"


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.002", "s", 0.002),
        ("2ms", "s", 0.002),
        ("2 µs", "s", 2e-6),
        ("2us", "s", 2e-6),
        ("1e-3", "s", 1e-3),
        ("10MB", "bytes", 1e7),
        ("1MiB", "bytes", 1048576),
        ("95%", "1", 0.95),
        ("0.95", "1", 0.95),
        ("1000", "rows/s", 1000),
    ],
)
def test_quantities_of_users_are_read(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == pytest.approx(value)


@pytest.mark.parametrize(("text", "unit"), [("", "s"), ("fast", "s"), ("2MB", "s"), ("95%", "bytes"), ("1.2.3", "s")])
def test_what_is_no_quantity_of_that_kind_is_refused(text: str, unit: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_quantity(text, unit)
