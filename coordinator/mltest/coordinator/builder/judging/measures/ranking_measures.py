"""Ranks of clicked rows, weighted by how unlikely they were to be looked at, as functions of how often queries count.

Source: Joachims, Swaminathan & Schnabel 2017, "Unbiased learning-to-rank with biased feedback", equation 4.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.judging.measures.bootstrap import Counts, Measure
from mltest.shared.domain import Task

_NO_LOG = "the data have no arrays or columns clicks, propensities and queries, or not all rows are used (row_cap)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingFigures:
    """What can be said of a ranking."""

    measure: Measure
    """Of counts (resamples, queries)."""
    query_count: int
    click_count: int
    effective_count: float
    """As many clicks of equal weight tell as much."""


def ranking_figures(evidence: PredictionEvidence) -> tuple[RankingFigures | None, str]:
    """Return the figures of a candidate's ranking, or None and why there are none."""
    log, scores = evidence.ranking, _scores(evidence)
    if log is None:
        return None, _NO_LOG
    if scores is None:
        return None, "the model gives no score by which the rows of a query could be ranked"
    weights = log.clicks / log.propensities
    if not weights.any():
        return None, "no row was clicked"
    ranks, query_count = ranks_in_queries(scores, log.queries), int(log.queries.max()) + 1

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(log.queries, weights=values, minlength=query_count), dtype=np.float64)

    parts = np.stack([sums(weights * ranks), sums(weights / np.log2(1 + ranks)), sums(weights)], axis=1)
    clicked = np.stack([sums(log.clicks * ranks), sums(log.clicks)], axis=1)

    def of(counts: Counts) -> NDArray[np.float64]:
        total, of_clicks = counts @ parts, counts @ clicked
        mean = total[:, :2] / counts.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            ratios = [total[:, 0] / total[:, 2], of_clicks[:, 0] / of_clicks[:, 1]]
        return np.column_stack([mean, *ratios])

    names = ("ips_rank", "ips_dcg", "weighted_rank", "clicked_rank")
    return RankingFigures(
        measure=Measure(tuple((name, "value", "") for name in names), of),
        query_count=query_count,
        click_count=int(log.clicks.sum()),
        effective_count=float(weights.sum() ** 2 / (weights**2).sum()),
    ), ""


def ranks_in_queries(scores: NDArray[np.float64], queries: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rank (rows,) of each row in its query, 1 for the largest score; of equal ones the mean of theirs."""
    ranks = np.zeros(len(scores))
    order = np.lexsort((-scores, queries))
    begins = np.r_[True, np.diff(queries[order]) != 0]
    starts = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    is_new = begins | np.r_[True, np.diff(scores[order]) != 0]
    run = np.cumsum(is_new) - 1
    places = np.arange(len(scores)) - starts + 1.0
    means = np.bincount(run, weights=places) / np.bincount(run)
    ranks[order] = means[run]
    return ranks


def _scores(evidence: PredictionEvidence) -> NDArray[np.float64] | None:
    scores = evidence.predictions.scores
    if scores is None or (evidence.model.task is Task.CLASSIFICATION and len(evidence.model.classes) != 2):
        return None
    return scores[:, -1] if evidence.model.task is Task.CLASSIFICATION or scores.shape[1] == 1 else None
