"""The indices of a set of cluster numbers, with their intervals; runs in the builder's child."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.judging.measures.bootstrap import Interval, Measure, intervals, points, resampled
from mltest.coordinator.builder.judging.measures.cluster_measures import (
    INNER,
    OUTER,
    silhouette_measure,
    spread_measure,
    truth_measure,
)
from mltest.coordinator.builder.judging.measures.said import labels_of

_SHOWN_CLUSTERS = 50
_GAPS = "X has missing or infinite values, between which there is no distance"
_TOO_FEW = "it takes at least two clusters with rows, and fewer than there are rows"
_NO_TRUTH = "the data have no true values (y, or --target COLUMN)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFigure:
    """One index, or the rows of one cluster."""

    metric: str
    value: float | None
    statistic: str = "value"
    label: str = ""
    interval: Interval | None = None
    count: int
    reason: str = ""


def cluster_figures(
    evidence: PredictionEvidence, *, resamples: int, seed: int, silhouette_rows: int
) -> Iterator[ClusterFigure]:
    """Yield the indices by distances, those by true values, and how many rows each cluster has."""
    labels, count = labels_of(evidence.predictions), len(evidence.rows)
    picked = _picked(count, silhouette_rows, seed)
    if np.isfinite(evidence.rows).all():
        near = silhouette_measure(evidence.rows[picked], labels[picked])
        yield from _measured([near], len(picked), INNER[:1], _TOO_FEW, resamples=resamples, seed=seed)
        spread = spread_measure(evidence.rows, labels)
        yield from _measured([spread], count, INNER[1:], _TOO_FEW, resamples=resamples, seed=seed)
    else:
        yield from (ClusterFigure(metric=metric, value=None, count=count, reason=_GAPS) for metric in INNER)
    if evidence.truth is None:
        yield from (ClusterFigure(metric=metric, value=None, count=count, reason=_NO_TRUTH) for metric in OUTER)
    else:
        by_truth = truth_measure(evidence.truth.astype(np.int64), labels - labels.min())
        yield from _measured([by_truth], count, OUTER, "", resamples=resamples, seed=seed)
    yield from _sizes(evidence, labels)


def _measured(
    measures: Sequence[Measure], count: int, metrics: Sequence[str], reason: str, *, resamples: int, seed: int
) -> Iterator[ClusterFigure]:
    values = points(measures, count)
    found = intervals(resampled(measures, count, resamples=resamples, seed=seed))
    for metric in metrics:
        figure = (metric, "value", "")
        value = values.get(figure)
        yield ClusterFigure(
            metric=metric,
            value=value,
            interval=None if value is None else found.get(figure),
            count=count,
            reason=reason if value is None else "",
        )


def _sizes(evidence: PredictionEvidence, labels: NDArray[np.int64]) -> Iterator[ClusterFigure]:
    names = evidence.model.classes
    for position in range(min(len(names), _SHOWN_CLUSTERS)):
        own = int((labels == position).sum())
        yield ClusterFigure(
            metric="cluster_rows", value=own, statistic="cluster", label=names[position], count=len(labels)
        )


def _picked(count: int, most: int, seed: int) -> NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=most, replace=False))
