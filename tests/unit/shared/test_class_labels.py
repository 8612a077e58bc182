import numpy as np
import pytest

from mltest.shared.native.class_labels import class_indices, class_texts


def test_labels_are_found_by_their_text() -> None:
    assert class_indices(np.array(["spam", "ham", "eggs"]), ("ham", "spam")).tolist() == [1, 0, -1]


@pytest.mark.parametrize("labels", [[3, 5, 3], [3.0, 5.0, 3.0], ["3", "5", "3"]])
def test_equal_numbers_name_the_same_class_whatever_their_type(labels: list[object]) -> None:
    assert class_indices(np.array(labels), ("3", "5")).tolist() == [0, 1, 0]


def test_truth_values_are_ones_and_zeros() -> None:
    assert class_indices(np.array([1, 0]), ("False", "True")).tolist() == [1, 0]
    assert class_indices(np.array([True, False]), ("0", "1")).tolist() == [1, 0]


def test_equal_text_comes_before_equal_numbers() -> None:
    assert class_indices(np.array(["01", "1"]), ("1", "01")).tolist() == [1, 0]


def test_classes_become_text_in_their_order() -> None:
    assert class_texts(np.array([-1, 1])) == ("-1", "1")
    assert class_texts(np.array([False, True])) == ("False", "True")
