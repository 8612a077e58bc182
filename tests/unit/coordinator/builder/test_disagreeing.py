"""Which rows differ from the native model, and which of them rounding explains; judged by real trees."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from mltest.coordinator.builder.builder import PredictionFile
from mltest.coordinator.builder.disagreeing import KEPT_ROWS, differing_rows
from mltest.coordinator.builder.evaluation import evaluations
from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.yardstick import Yardstick
from mltest.shared.domain import Cause
from mltest.shared.errors import PredictionError
from mltest.shared.native.outputs import NativeModel, describe_estimator
from mltest.shared.native.predictions import Predictions, save_predictions
from tests.unit.coordinator.predictions import classified, valued


@pytest.fixture(scope="module")
def forest() -> NativeModel:
    random = np.random.default_rng(3)
    rows = random.normal(size=(400, 4)).round(2)
    estimator = RandomForestClassifier(8, max_depth=6, random_state=0).fit(rows, rows.sum(axis=1) > 0)
    return describe_estimator(estimator)


@pytest.fixture(scope="module")
def rounded(forest: NativeModel) -> NativeModel:
    """The same forest as an engine has it that rounds every threshold to float32."""
    estimator = copy.deepcopy(forest.estimator)
    for tree in estimator.estimators_:
        tree.tree_.threshold[:] = tree.tree_.threshold.astype(np.float32)
    return describe_estimator(estimator)


def at_thresholds(native: NativeModel) -> NDArray[np.float64]:
    """Return rows of which one value lies where a threshold is once it is rounded to float32."""
    random = np.random.default_rng(4)
    rows = []
    for tree in native.estimator.estimators_:
        inner = np.flatnonzero(tree.tree_.feature >= 0)
        made = random.normal(size=(len(inner), 4))
        made[np.arange(len(inner)), tree.tree_.feature[inner]] = tree.tree_.threshold[inner].astype(np.float32)
        rows.append(made)
    return np.concatenate(rows)


def evidence_of(native: NativeModel, candidate: NativeModel, rows: NDArray[np.float64]) -> PredictionEvidence:
    reference, found = (one.predictions(one.prepare(rows)) for one in (native, candidate))
    made = classified([0], scores=[[1.0, 0.0]], classes=("False", "True"))
    return replace(made, rows=rows, reference=reference, predictions=found)


def test_a_threshold_that_was_rounded_is_named_as_such(forest: NativeModel, rounded: NativeModel) -> None:
    evidence = evidence_of(forest, rounded, at_thresholds(forest))
    found = differing_rows(evidence, forest.predictions)

    assert found.count > 10
    assert found.rounded_count == len(found.kept) == min(found.count, KEPT_ROWS)


def test_another_model_is_not_explained_by_rounding(forest: NativeModel) -> None:
    other = copy.deepcopy(forest.estimator)
    other.estimators_ = other.estimators_[:3]
    rows = np.random.default_rng(5).normal(size=(300, 4))
    found = differing_rows(evidence_of(forest, describe_estimator(other), rows), forest.predictions)

    assert found.count > 100
    assert found.rounded_count == 0


def test_the_worst_come_first_and_other_labels_before_all() -> None:
    scores = np.tile([0.9, 0.1, 0.0], (6, 1))
    ours = scores.copy()
    ours[1, 0], ours[3, 0], ours[5, 0] = 0.8, 0.5, 0.89
    evidence = classified([0, 0, 0, 0, 0, 1], reference=[0] * 6, scores=ours, reference_scores=scores)
    found = differing_rows(evidence)

    assert [row.row_index for row in found.kept] == [5, 3, 1]
    assert (found.kept[0].native, found.kept[0].candidate) == ("a", "b")
    assert found.kept[1].difference == pytest.approx(0.4)


def test_of_a_lossy_classifier_only_other_labels_count() -> None:
    evidence = classified(
        [0, 1], reference=[0, 0], scores=[[0.8, 0.2, 0.0]] * 2, reference_scores=[[0.9, 0.1, 0.0]] * 2, is_lossy=True
    )
    found = differing_rows(evidence)
    assert [row.row_index for row in found.kept] == [1]


def test_a_tie_is_named_as_such() -> None:
    tied = np.tile([0.5, 0.5, 0.0], (3, 1))
    found = differing_rows(classified([0, 1, 0], reference=[0, 0, 0], scores=tied))
    assert [(row.row_index, row.cause) for row in found.kept] == [(1, Cause.TIE)]


def test_values_are_listed_with_what_both_say() -> None:
    found = differing_rows(valued([1.0, 2.5, 3.0], reference=[1.0, 2.0, 3.0]))
    assert [(row.row_index, row.native, row.candidate) for row in found.kept] == [(1, "2", "2.5")]


def test_no_more_than_a_hundred_are_kept_and_all_are_counted() -> None:
    found = differing_rows(classified(np.ones(1000, dtype=int), reference=np.zeros(1000, dtype=int)))
    assert (found.count, len(found.kept)) == (1000, KEPT_ROWS)


def test_a_model_that_does_not_answer_again_leaves_rows_unexplained() -> None:
    def fails(rows: NDArray[np.floating]) -> Predictions:
        raise PredictionError(detail="no")

    found = differing_rows(classified([1, 0], reference=[0, 0]), fails)
    assert [row.cause for row in found.kept] == [Cause.UNSPECIFIED]


def test_the_gate_names_rounding_and_does_not_let_it_pass(
    forest: NativeModel, rounded: NativeModel, tmp_path: Path
) -> None:
    rows = at_thresholds(forest)
    evidence = evidence_of(forest, rounded, rows)
    path = tmp_path / "predictions"
    save_predictions(path, evidence.predictions)
    yardstick = Yardstick(model=evidence.model, rows=rows, truth=None, reference=evidence.reference)
    file = PredictionFile(candidate_id="c", agent_id="a", path=path)
    (found,) = evaluations((), yardstick, [file], forest.predictions)

    assert "by rounding of X to float32" in found.gate_reason
    assert found.differing_count >= len(found.disagreements) > 0
    assert found.row_count == len(rows)
