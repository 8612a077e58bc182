"""Fewer members of a random forest, of extra trees or of a bagging ensemble; those that stay are as they were."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.coordinator.builder.surgery.ensembles import (
    is_bagging,
    is_forest,
    member_features,
    refusal,
    rows_before_final,
    with_final,
)
from mltest.coordinator.builder.surgery.member_choice import by_complementarity, by_quality, by_reduced_error
from mltest.coordinator.builder.surgery.selection import Selection
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import Estimator, final_estimator

NAME = "prune-trees"
TAKES = "random forests, extra trees and bagging ensembles"

METHODS: Mapping[str, Callable[..., list[int]]] = {
    "reduced-error": by_reduced_error,
    "complementarity": by_complementarity,
    "individual": by_quality,
}
_MOST_NUMBERS = 1 << 25
"""Answers of members that are kept at once, in float32."""


def prune_members(estimator: Estimator, selection: Selection, *, method: str, keep: str) -> Estimator:
    """Return a copy of `estimator` with `keep` of its members ("32", "1/2"), chosen by `method` on `selection`.

    The copy predicts the mean of those members: nothing else of them changes.

    Raises:
        ConversionError: it is no averaging ensemble, or has no more members than are to be kept.

    """
    final = final_estimator(estimator)
    if not (is_forest(final) or is_bagging(final)):
        raise refusal(NAME, final, TAKES)
    total = len(final.estimators_)
    count = amount_of(keep, total)
    if count >= total:
        raise ConversionError(converter=NAME, detail=f"the model has {total} trees, and {count} are to be kept")
    outputs = member_outputs(final, rows_before_final(estimator, selection.rows))
    task = Task.CLASSIFICATION if hasattr(final, "classes_") else Task.REGRESSION
    kept = sorted(METHODS[method](outputs, selection.target, count, task))
    return with_final(estimator, lambda copied: _keep(copied, kept))


def rows_within_memory(estimator: Estimator, selection: Selection) -> Selection:
    """Return as many rows of `selection` as the answers of all members to them fit into memory."""
    final = final_estimator(estimator)
    member_count = len(getattr(final, "estimators_", [None]))
    return selection.at_most(max(1, _MOST_NUMBERS // (member_count * selection.target.shape[1])))


def member_outputs(final: Estimator, rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what each member answers: (members, rows, classes) probabilities, or (members, rows, outputs) values."""
    members = zip(final.estimators_, member_features(final), strict=True)
    return np.stack([_answers(final, member, rows[:, features]) for member, features in members])


def _answers(final: Estimator, member: Any, rows: NDArray[np.floating]) -> NDArray[np.float32]:
    if not hasattr(final, "classes_"):
        values: NDArray[np.float32] = np.asarray(member.predict(rows), dtype=np.float32).reshape(len(rows), -1)
        return values
    answers = np.zeros((len(rows), len(final.classes_)), dtype=np.float32)
    # Members are fitted with positions of classes, and one of a bagging ensemble need not have seen every class.
    positions = np.asarray(member.classes_, dtype=np.int64)
    if hasattr(member, "predict_proba"):
        answers[:, positions] = member.predict_proba(rows)
    else:
        answers[np.arange(len(rows)), np.asarray(member.predict(rows), dtype=np.int64)] = 1
    return answers


def _keep(final: Estimator, kept: Sequence[int]) -> None:
    final.estimators_ = [final.estimators_[index] for index in kept]
    final.n_estimators = len(kept)
    if is_bagging(final):
        final.estimators_features_ = [final.estimators_features_[index] for index in kept]
        final._seeds = final._seeds[list(kept)]
