"""Parts of the C printers that are checked without a compiler, against NumPy and by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltest.coordinator.builder.c_source.ensemble import LEAF, Tree
from mltest.coordinator.builder.c_source.hot_paths import visits_of
from mltest.coordinator.builder.c_source.literals import integer_literal, number_literal
from mltest.coordinator.builder.c_source.thresholds import floor_to_float32, key_of, next_below

FLOATS32 = st.floats(width=32, allow_nan=False)
FLOATS64 = st.floats(allow_nan=False)
TREE = Tree(
    features=(0, LEAF, 1, LEAF, LEAF),
    thresholds=(0.5, 0.0, -1.0, 0.0, 0.0),
    lefts=(1, LEAF, 3, LEAF, LEAF),
    rights=(2, LEAF, 4, LEAF, LEAF),
    misses_left=(True, False, False, False, False),
    values=((), (1.0,), (), (2.0,), (3.0,)),
)


@given(value=FLOATS32, threshold=FLOATS64)
def test_a_threshold_that_is_rounded_down_decides_the_same_for_every_float32(value: float, threshold: float) -> None:
    assert (value <= threshold) == (np.float32(value) <= np.float32(floor_to_float32(threshold)))


@given(threshold=FLOATS32)
def test_the_neighbours_of_a_threshold_go_where_they_went(threshold: float) -> None:
    between = float(threshold) + abs(float(threshold)) * 1e-9
    for value in (np.float32(threshold), np.nextafter(np.float32(threshold), np.float32(np.inf))):
        assert (float(value) <= between) == bool(value <= np.float32(floor_to_float32(between)))


@given(value=FLOATS32, threshold=FLOATS64.filter(lambda threshold: threshold > -np.inf))
def test_below_becomes_at_most_in_float32(value: float, threshold: float) -> None:
    assert (value < threshold) == (value <= next_below(threshold, "float32"))


@given(value=FLOATS64, threshold=FLOATS64.filter(lambda threshold: threshold > -np.inf))
def test_below_becomes_at_most_in_float64(value: float, threshold: float) -> None:
    assert (value < threshold) == (value <= next_below(threshold, "float64"))


@given(first=FLOATS32, second=FLOATS32)
def test_keys_of_float32_are_ordered_as_numbers(first: float, second: float) -> None:
    assert (first <= second) == (key_of(first, "float32") <= key_of(second, "float32"))


@given(first=FLOATS64, second=FLOATS64)
def test_keys_of_float64_are_ordered_as_numbers(first: float, second: float) -> None:
    assert (first <= second) == (key_of(first, "float64") <= key_of(second, "float64"))


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_literal_is_read_as_the_same_number(value: float) -> None:
    assert float.fromhex(number_literal(value, "float64")) == value


@pytest.mark.parametrize("bits", [32, 64])
def test_the_smallest_integer_has_no_literal_that_overflows(bits: int) -> None:
    text = integer_literal(-(1 << (bits - 1)), bits)
    assert text.startswith(f"({-(1 << (bits - 1)) + 1}") and text.endswith(" - 1)")


def test_visits_are_counted_as_one_row_after_the_other_goes() -> None:
    rows = np.array([[0.0, 0.0], [0.5, 9.0], [np.nan, 0.0], [0.6, -1.0], [0.7, -0.9], [0.8, np.nan]])
    counts = [0] * TREE.node_count
    for row in rows:
        node = 0
        while True:
            counts[node] += 1
            if TREE.features[node] == LEAF:
                break
            value = row[TREE.features[node]]
            goes_left = TREE.misses_left[node] if np.isnan(value) else value <= TREE.thresholds[node]
            node = TREE.lefts[node] if goes_left else TREE.rights[node]
    assert visits_of(TREE, rows) == tuple(counts) == (6, 3, 3, 1, 2)


def test_depth_is_that_of_the_longest_way() -> None:
    assert TREE.depth() == 2
