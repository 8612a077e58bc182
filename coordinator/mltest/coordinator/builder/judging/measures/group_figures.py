"""Metrics by group and their disparities, as fairlearn's MetricFrame has them; runs in the builder's child.

Source of the definitions: fairlearn's user guide, "Common fairness metrics".
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.evidence import PredictionEvidence

_TOO_FEW = "fewer than two groups have rows by which it could be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigure:
    """One metric of one group, or one disparity."""

    metric: str
    value: float | None
    statistic: str = "value"
    label: str = ""
    """Group, or group and class as "women: >50K"; of a disparity the class."""
    count: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    is_own: NDArray[np.bool_]
    """(rows,)."""
    takes_part: bool

    @property
    def count(self) -> int:
        return int(self.is_own.sum())


def class_groups(evidence: PredictionEvidence, *, min_rows: int) -> Iterator[GroupFigure]:
    """Yield accuracy, selection rate and rates of errors of each group, then the disparities."""
    assert evidence.truth is not None
    assert evidence.predictions.labels is not None
    truth, labels = evidence.truth.astype(np.int64), evidence.predictions.labels
    groups = _groups(evidence, min_rows)
    is_right = (labels == truth).astype(np.float64)
    yield from _sizes(groups)
    accuracies = yield from _by_group("group_accuracy", groups, is_right, np.ones(len(truth), dtype=np.bool_), "")
    yield _difference("accuracy_disparity", accuracies, len(truth))
    selected = range(len(evidence.model.classes)) if len(evidence.model.classes) > 2 else (1,)
    for label in selected:
        if label < len(evidence.model.classes):
            yield from _of_class(evidence.model.classes[label], groups, truth == label, labels == label)


def value_groups(evidence: PredictionEvidence, *, min_rows: int) -> Iterator[GroupFigure]:
    """Yield mean absolute error and mean error of each group, then the disparities."""
    assert evidence.truth is not None
    assert evidence.predictions.scores is not None
    truth = evidence.truth.astype(np.float64).reshape(len(evidence.truth), -1)
    groups = _groups(evidence, min_rows)
    yield from _sizes(groups)
    if truth.shape != evidence.predictions.scores.shape:
        reason = "the model and y do not have the same number of values a row"
        yield GroupFigure(metric="mae_disparity", value=None, count=len(truth), reason=reason)
        return
    errors = (evidence.predictions.scores - truth).mean(axis=1)
    sizes = np.abs(evidence.predictions.scores - truth).mean(axis=1)
    every = np.ones(len(truth), dtype=np.bool_)
    absolute = yield from _by_group("group_mae", groups, sizes, every, "")
    signed = yield from _by_group("group_mean_error", groups, errors, every, "")
    yield _difference("mae_disparity", absolute, len(truth))
    yield _difference("mean_error_disparity", signed, len(truth))


def _of_class(
    name: str, groups: Sequence[_Group], is_true: NDArray[np.bool_], is_said: NDArray[np.bool_]
) -> Iterator[GroupFigure]:
    said, count = is_said.astype(np.float64), len(is_said)
    every = np.ones(count, dtype=np.bool_)
    rates = yield from _by_group("group_selection_rate", groups, said, every, name)
    hits = yield from _by_group("group_recall", groups, said, is_true, name)
    alarms = yield from _by_group("group_false_positive_rate", groups, said, ~is_true, name)
    yield _difference("demographic_parity_difference", rates, count, name)
    yield _quotient("demographic_parity_ratio", rates, count, name)
    odds = [_difference("equalized_odds_difference", found, count, name) for found in (hits, alarms)]
    if any(one.value is None for one in odds):
        reason = "fewer than two groups have rows of this class and of others"
        yield GroupFigure(metric="equalized_odds_difference", value=None, label=name, count=count, reason=reason)
    else:
        yield max(odds, key=lambda one: one.value or 0.0)


def _groups(evidence: PredictionEvidence, min_rows: int) -> list[_Group]:
    assert evidence.groups is not None
    names = np.unique(evidence.groups).tolist()
    found = ((name, evidence.groups == name) for name in names)
    return [_Group(name, is_own, bool(is_own.sum() >= min_rows)) for name, is_own in found]


def _sizes(groups: Sequence[_Group]) -> Iterator[GroupFigure]:
    for group in groups:
        yield GroupFigure(
            metric="group_rows", value=group.count, statistic="group", label=group.name, count=group.count
        )


def _by_group(
    metric: str, groups: Sequence[_Group], values: NDArray[np.float64], counts: NDArray[np.bool_], class_name: str
) -> Generator[GroupFigure, None, list[float]]:
    """Yield the mean of `values` over the rows of each group that count; return those that take part in disparities."""
    means: list[float] = []
    for group in groups:
        label = f"{group.name}: {class_name}" if class_name else group.name
        chosen = group.is_own & counts
        if not chosen.any():
            reason = "the group has no such row"
            yield GroupFigure(metric=metric, value=None, statistic="group", label=label, count=0, reason=reason)
            continue
        mean = float(values[chosen].mean())
        if group.takes_part:
            means.append(mean)
        yield GroupFigure(metric=metric, value=mean, statistic="group", label=label, count=int(chosen.sum()))
    return means


def _difference(metric: str, values: Sequence[float], count: int, label: str = "") -> GroupFigure:
    if len(values) < 2:
        return GroupFigure(metric=metric, value=None, label=label, count=count, reason=_TOO_FEW)
    return GroupFigure(metric=metric, value=max(values) - min(values), label=label, count=count)


def _quotient(metric: str, values: Sequence[float], count: int, label: str) -> GroupFigure:
    if len(values) < 2:
        return GroupFigure(metric=metric, value=None, label=label, count=count, reason=_TOO_FEW)
    if not max(values):
        reason = "no row of any group was given this class"
        return GroupFigure(metric=metric, value=None, label=label, count=count, reason=reason)
    return GroupFigure(metric=metric, value=min(values) / max(values), label=label, count=count)
