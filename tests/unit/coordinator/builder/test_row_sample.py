import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mltest.coordinator.builder.row_sample import sampled_rows


def test_all_rows_are_used_where_they_fit() -> None:
    assert sampled_rows(5, 5, 0, None).tolist() == [0, 1, 2, 3, 4]


def test_the_shares_of_the_classes_are_kept() -> None:
    classes = np.repeat([0, 1, 2], [700, 200, 100])
    picked = sampled_rows(1000, 100, 0, classes)
    assert np.bincount(classes[picked]).tolist() == [70, 20, 10]


def test_the_same_seed_picks_the_same_rows() -> None:
    first, again, other = (sampled_rows(1000, 50, seed, None) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=8), cap=st.integers(1, 200), seed=st.integers(0, 5))
def test_a_sample_has_the_size_of_the_cap_and_no_class_gets_lost(counts: list[int], cap: int, seed: int) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    picked = sampled_rows(len(classes), cap, seed, classes)
    assert len(picked) == min(cap, len(classes))
    assert (np.diff(picked) > 0).all()
    if cap >= len(counts):
        assert len(np.unique(classes[picked])) == len(counts)


def test_a_class_that_is_used_whole_leaves_the_rest_to_the_others() -> None:
    classes = np.array([0, 1, 1, 2, 2])
    assert np.bincount(classes[sampled_rows(5, 4, 0, classes)]).sum() == 4


def test_a_tiny_class_is_kept() -> None:
    classes = np.repeat([0, 1], [999, 1])
    assert 1 in classes[sampled_rows(1000, 10, 3, classes)]
