"""The measures of a set of predictions, whichever its task, and why some of them cannot be had."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.bootstrap import Measure
from mltest.coordinator.builder.judging.measures.carried import carried_by_few
from mltest.coordinator.builder.judging.measures.label_measures import label_measures
from mltest.coordinator.builder.judging.measures.score_measures import log_losses, probability_measures, rank_measures
from mltest.coordinator.builder.judging.measures.value_measures import error_sizes, value_measures
from mltest.shared.domain import ModelInfo, Task
from mltest.shared.native.predictions import Predictions

RANKED = ("roc_auc", "pr_auc")
PROBABILISTIC = ("log_loss", "brier", "calibration_error")
VALUED = ("mse", "rmse", "mae", "median_ae", "mape", "r2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What can be measured of predictions."""

    measures: tuple[Measure, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a metric cannot be had, by metric."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What has to be known of a metric that can be had, by metric."""


def measures_of(
    model: ModelInfo, truth: NDArray[np.generic], predictions: Predictions, *, per_class: bool = True
) -> Measures:
    """Return what can be measured of `predictions`, which fit the model (`agreement.misfit`), by true values.

    Args:
        model: facts about it.
        truth: (rows,), positions of classes; or (rows,) or (rows, targets), values.
        predictions: for the same rows.
        per_class: whether precision, recall and F1 of each class are measured.

    """
    if model.task is Task.REGRESSION:
        return _of_values(truth, predictions)
    assert predictions.labels is not None
    positions = truth.astype(np.int64)
    measures = [*label_measures(positions, predictions.labels, model.classes, per_class=per_class)]
    reasons: dict[str, str] = {}
    remarks: dict[str, str] = {}
    if reason := rank_reason(model, positions, predictions):
        reasons |= dict.fromkeys(RANKED, reason)
    else:
        measures.append(_ranks(model, positions, predictions))
    shares, reason = class_shares(model, predictions)
    if shares is None:
        reasons |= dict.fromkeys(PROBABILISTIC, reason)
    else:
        measures.append(probability_measures(positions, shares))
        remarks["log_loss"] = carried_by_few(log_losses(positions, shares))
    return Measures(measures=tuple(measures), reasons=reasons, remarks=remarks)


def rank_reason(model: ModelInfo, truth: NDArray[np.int64], predictions: Predictions) -> str:
    """Return why there is no area under a curve; empty if there is one."""
    scores, class_count = predictions.scores, len(model.classes)
    if scores is None:
        return "the model gives labels only, and the area needs scores"
    if scores.shape[1] != (1 if class_count == 2 and scores.shape[1] == 1 else class_count):
        return f"the model gives {scores.shape[1]} scores for {class_count} classes"
    missing = [name for position, name in enumerate(model.classes) if not (truth == position).any()]
    if missing:
        return f"no row has the class {missing[0]}; the area needs rows of every class"
    return "the model has one class only" if class_count < 2 else ""


def class_shares(model: ModelInfo, predictions: Predictions) -> tuple[NDArray[np.float64] | None, str]:
    """Return class probabilities (rows, classes) that sum to 1, or None and why there are none."""
    class_count = len(model.classes)
    if predictions.scores is None or not predictions.are_probabilities:
        return None, "the model gives no probabilities"
    if predictions.scores.shape[1] != class_count:
        return None, f"the model gives {predictions.scores.shape[1]} probabilities for {class_count} classes"
    sums = predictions.scores.sum(axis=1, keepdims=True)
    if not bool((sums > 0).all()):
        return None, "in some rows the probabilities sum to 0"
    return predictions.scores / sums, ""


def positive_columns(model: ModelInfo, predictions: Predictions) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Return the scores that areas are taken of, and the class of each column; of two classes it is the second."""
    assert predictions.scores is not None
    if len(model.classes) == 2:
        return predictions.scores[:, -1:], (1,)
    return predictions.scores, tuple(range(len(model.classes)))


def _ranks(model: ModelInfo, truth: NDArray[np.int64], predictions: Predictions) -> Measure:
    columns, positives = positive_columns(model, predictions)
    return rank_measures(truth, columns, positives)


def _of_values(truth: NDArray[np.generic], predictions: Predictions) -> Measures:
    assert predictions.scores is not None
    values = truth.astype(np.float64).reshape(len(truth), -1)
    if values.shape != predictions.scores.shape:
        reason = f"the model gives {predictions.scores.shape[1]} values a row, y has {values.shape[1]}"
        return Measures(measures=(), reasons=dict.fromkeys(VALUED, reason))
    is_flat = not bool((np.ptp(values, axis=0) > 0).all())
    reasons = {"r2": "the true values are all the same"} if is_flat else {}
    measures = value_measures(values, predictions.scores)
    return Measures(measures=measures, reasons=reasons, remarks=_carried(values, predictions.scores))


def _carried(truth: NDArray[np.float64], values: NDArray[np.float64]) -> dict[str, str]:
    sizes, relative = error_sizes(truth, values)
    squares = carried_by_few((sizes**2).sum(axis=1))
    means = {"mae": carried_by_few(sizes.sum(axis=1)), "mape": carried_by_few(relative.sum(axis=1))}
    return dict.fromkeys(("mse", "rmse", "r2"), squares) | means
