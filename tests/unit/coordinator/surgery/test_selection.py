"""Which rows choices are made by, and that only the others judge."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mltest.coordinator.builder.surgery.selection import read_half, selection_positions
from mltest.coordinator.tests.lossy_gate import lossy_reason, quality_loss
from mltest.coordinator.tests.quality import ClassificationQuality, RegressionQuality
from tests.unit.coordinator.predictions import classified, valued

TRUTH = np.arange(101) % 3


def test_half_of_each_class_is_chosen_by() -> None:
    picked = selection_positions(101, TRUTH)
    assert len(picked) == len(set(picked.tolist())) == 51
    np.testing.assert_array_equal(np.bincount(TRUTH[picked]), [17, 17, 17])
    np.testing.assert_array_equal(picked, selection_positions(101, TRUTH))


def test_the_dataset_is_read_as_that_half(tmp_path: Path) -> None:
    rows = np.arange(202.0).reshape(101, 2)
    np.savez(tmp_path / "data.npz", X=rows, y=TRUTH)
    half = read_half(tmp_path / "data.npz")
    picked = selection_positions(101, TRUTH)
    np.testing.assert_array_equal(half.rows, rows[picked])
    assert half.truth is not None
    np.testing.assert_array_equal(half.truth, TRUTH[picked])
    assert half.described == "51 of 101 rows, seed 1"


@pytest.mark.parametrize("is_selected", [False, True])
def test_the_rows_that_chose_a_candidate_do_not_judge_its_accuracy(is_selected: bool) -> None:
    right_where_chosen = (TRUTH + 1) % 3
    picked = selection_positions(101, TRUTH)
    right_where_chosen[picked] = TRUTH[picked]
    evidence = replace(
        classified(right_where_chosen, reference=TRUTH, truth=TRUTH, is_lossy=True), is_selected=is_selected
    )
    results = {one.metric: one for one in ClassificationQuality().results(evidence) if one.statistic == "value"}
    assert results["accuracy"].value == (0 if is_selected else 51 / 101)
    assert results["accuracy"].count == (50 if is_selected else 101)
    assert quality_loss(evidence) == pytest.approx(1 if is_selected else 50 / 101)
    reason = lossy_reason(evidence, max_differing_ratio=0.9, max_quality_loss=1)
    assert reason.startswith("50 of 50 labels differ") == is_selected


def test_values_are_judged_by_the_other_half_as_well() -> None:
    truth = np.arange(40.0)
    evidence = valued(truth, truth=truth, is_lossy=True)
    wrong = np.array(truth)
    wrong[selection_positions(40, truth)] += 100
    evidence = replace(valued(wrong, reference=truth, truth=truth, is_lossy=True), is_selected=True)
    assert {one.metric: one.value for one in RegressionQuality().results(evidence)}["mse"] == 0
    assert quality_loss(evidence) == pytest.approx(0)
