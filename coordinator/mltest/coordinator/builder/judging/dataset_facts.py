"""Properties of the data as they are used."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.shared.domain import Task


def dataset_facts(evidence: ModelEvidence, test: str, *, shown_columns: int, leakage_from: float) -> Facts:
    """Return the properties of the data; columns beyond `shown_columns` are counted, not listed."""
    facts = Facts(test, count=len(evidence.rows))
    _add_shape(facts, evidence)
    _add_gaps(facts, evidence.rows)
    _add_repeats(facts, evidence)
    if evidence.truth is not None:
        _add_target(facts, evidence)
    scores = leakage_scores(evidence)
    _add_columns(facts, evidence, scores, shown_columns=shown_columns, leakage_from=leakage_from)
    return facts


def leakage_scores(evidence: ModelEvidence) -> NDArray[np.float64] | None:
    """Return how well each column alone orders the true values, 0 to 1 (columns,); None without one target.

    For two classes that is the area under the ROC curve, for more that of the class which the column tells best, each
    the larger of both directions and scaled so that chance is 0; for values it is Spearman's rank correlation without
    sign. Missing values are left out.
    """
    if evidence.truth is None or evidence.truth.ndim > 1:
        return None
    return np.array([_leakage(column, evidence) for column in evidence.rows.T])


def _add_shape(facts: Facts, evidence: ModelEvidence) -> None:
    data = evidence.dataset
    facts.add("row_count", data.row_count)
    facts.add("source_row_count", data.source_row_count)
    if data.row_count < data.source_row_count:
        facts.add("sample_seed", data.sample_seed)
    facts.add("column_count", data.feature_count, label=data.dtype)
    if evidence.model.task is Task.CLASSIFICATION:
        facts.add("class_count", len(evidence.model.classes))
    elif evidence.model.task is Task.CLUSTERING and evidence.truth is not None:
        facts.add("class_count", len(np.unique(evidence.truth)))


def _add_gaps(facts: Facts, rows: NDArray[np.floating]) -> None:
    missing = np.isnan(rows)
    facts.add("missing_ratio", missing.mean())
    facts.add("missing_column_count", missing.any(axis=0).sum())
    facts.add("infinite_count", np.isinf(rows).sum())
    first = rows[:1]
    is_constant = ((rows == first) | (missing & np.isnan(first))).all(axis=0)
    facts.add("constant_column_count", is_constant.sum())


def _add_repeats(facts: Facts, evidence: ModelEvidence) -> None:
    """Count rows that are equal bit for bit, but for the sign of zero and the kind of NaN."""
    keys = _keys(evidence.rows)
    _, group = np.unique(keys, return_inverse=True)
    facts.add("duplicate_row_count", len(keys) - (int(group.max()) + 1))
    if evidence.training is None:
        facts.add("shared_row_count", None, reason="what the model was trained with is not given (--training FILE)")
    else:
        facts.add("shared_row_count", np.isin(keys, _keys(evidence.training[0].astype(evidence.rows.dtype))).sum())
    if evidence.truth is None or evidence.truth.ndim > 1:
        return
    order = np.lexsort((evidence.truth, group))
    ordered, truth = group[order], evidence.truth[order]
    differs = (np.diff(ordered) == 0) & (np.diff(truth) != 0)
    torn = np.unique(ordered[1:][differs])
    facts.add("conflicting_row_count", np.isin(group, torn).sum())


def _keys(rows: NDArray[np.floating]) -> NDArray[np.void]:
    """Return the bytes of each row (rows,)."""
    same = np.ascontiguousarray(np.where(np.isnan(rows), rows.dtype.type(np.nan), rows + rows.dtype.type(0)))
    keys: NDArray[np.void] = same.view(np.dtype((np.void, same.dtype.itemsize * same.shape[1])))[:, 0]
    return keys


def _add_target(facts: Facts, evidence: ModelEvidence) -> None:
    assert evidence.truth is not None
    if evidence.model.task.gives_labels:
        counts = np.bincount(evidence.truth.astype(np.int64))
        names: Sequence[str] = [str(number) for number in range(len(counts))]
        if evidence.model.task is Task.CLASSIFICATION:
            names = evidence.model.classes
            counts = np.bincount(evidence.truth.astype(np.int64), minlength=len(names))
        shares = counts / counts.sum()
        for name, share, count in zip(names, shares, counts, strict=True):
            facts.add("class_ratio", share, statistic="class", label=name, count=int(count))
        if len(counts) > 1:
            held = shares[shares > 0]
            facts.add("class_entropy", -(held * np.log(held)).sum() / math.log(len(counts)))
        return
    values = evidence.truth.astype(np.float64).reshape(len(evidence.truth), -1)
    for position, column in enumerate(values.T):
        label = "" if values.shape[1] == 1 else f"target {position}"
        for metric, value in (
            ("target_minimum", column.min()),
            ("target_maximum", column.max()),
            ("target_mean", column.mean()),
            ("target_deviation", column.std()),
        ):
            facts.add(metric, value, label=label)


def _add_columns(
    facts: Facts,
    evidence: ModelEvidence,
    scores: NDArray[np.float64] | None,
    *,
    shown_columns: int,
    leakage_from: float,
) -> None:
    width = evidence.rows.shape[1]
    ordered = np.arange(width) if scores is None else np.argsort(-np.nan_to_num(scores), kind="stable")
    if scores is None:
        facts.add("leakage_score", None, reason="the data have no true values, or several for each row")
    else:
        best = ordered[0]
        facts.add("leakage_score", np.nan_to_num(scores[best]), statistic="max", label=evidence.column_name(int(best)))
        for position in np.flatnonzero(np.nan_to_num(scores) >= leakage_from)[:shown_columns].tolist():
            label = evidence.column_name(position)
            facts.add("leakage_score", scores[position], statistic="hint", label=label)
    for position in ordered[:shown_columns].tolist():
        known = evidence.rows[:, position][~np.isnan(evidence.rows[:, position])]
        label = evidence.column_name(position)
        if len(known):
            facts.add("column_minimum", known.min(), statistic="column", label=label, count=len(known))
            facts.add("column_maximum", known.max(), statistic="column", label=label, count=len(known))
        else:
            facts.add("column_minimum", None, statistic="column", label=label, reason="it has missing values only")


def _leakage(column: NDArray[np.floating], evidence: ModelEvidence) -> float:
    from scipy.stats import rankdata  # type: ignore[import-untyped]  # it has no types

    assert evidence.truth is not None
    known = ~np.isnan(column)
    if known.sum() < 2:
        return 0.0
    ranks, truth = rankdata(column[known]), evidence.truth[known]
    if evidence.model.task is Task.REGRESSION:
        return _correlation(ranks, rankdata(truth))
    labels = truth.astype(np.int64)
    found = [_area(ranks, labels == label) for label in np.unique(labels)]
    return max(found, default=0.0)


def _area(ranks: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> float:
    """Return twice the distance of the area under the ROC curve from chance (Mann and Whitney's U)."""
    positives = int(is_positive.sum())
    negatives = len(ranks) - positives
    if not positives or not negatives:
        return 0.0
    area = (ranks[is_positive].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return float(abs(2 * area - 1))


def _correlation(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    if np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return 0.0
    return float(abs(np.corrcoef(ours, theirs)[0, 1]))
