"""How far two data sets are apart, column by column; runs in the builder's child."""

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence

_BINS = 10
_FLOOR = 1e-4
"""Share of a bin at least, so that an empty one is no infinite difference."""


def drift_facts(evidence: ModelEvidence, test: str, *, shown_columns: int) -> Facts:
    """Return the distances of columns, the largest first, and of the true values."""
    facts = Facts(test, count=len(evidence.rows))
    if evidence.training is None:
        facts.add("drift_ks", None, reason="what the model was trained with is not given (--training FILE)")
        return facts
    rows, truth = evidence.training
    pairs = [(_known(now), _known(before)) for now, before in zip(evidence.rows.T, rows.T, strict=True)]
    found = [_distance(now, before) if len(now) and len(before) else (np.nan, np.nan) for now, before in pairs]
    distances = np.array([distance for distance, _ in found])
    p_values = np.array([p_value for _, p_value in found])
    if np.isnan(distances).all():
        facts.add("drift_ks", None, reason="no column has known values in both")
        return facts
    worst = int(np.nanargmax(distances))
    facts.add("drift_ks", distances[worst], statistic="max", label=evidence.column_name(worst))
    facts.add("drift_p", min(1.0, float(np.nanmin(p_values)) * len(p_values)))
    order = [at for at in np.argsort(-np.nan_to_num(distances), kind="stable").tolist() if not np.isnan(distances[at])]
    for position in order[:shown_columns]:
        label = evidence.column_name(position)
        facts.add("drift_ks", distances[position], statistic="column", label=label)
        facts.add("drift_psi", stability_index(*pairs[position]), statistic="column", label=label)
    _add_target(facts, evidence, truth)
    return facts


def stability_index(now: NDArray[np.floating], before: NDArray[np.floating]) -> float:
    """Return the population stability index of `now` (rows,), with bins between the deciles of `before` (rows,)."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = [
        np.maximum(np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) / len(values), _FLOOR)
        for values in (now, before)
    ]
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())


def _known(column: NDArray[np.floating]) -> NDArray[np.floating]:
    known: NDArray[np.floating] = column[~np.isnan(column)]
    return known


def _distance(now: NDArray[np.floating], before: NDArray[np.floating]) -> tuple[float, float]:
    from scipy.stats import ks_2samp  # type: ignore[import-untyped]  # it has no types

    found = ks_2samp(now, before, method="asymp")
    return float(found.statistic), float(found.pvalue)


def _add_target(facts: Facts, evidence: ModelEvidence, before: NDArray[np.generic]) -> None:
    if evidence.truth is None or evidence.truth.ndim > 1 or before.ndim > 1:
        facts.add("target_drift", None, reason="the data have no true values, or several for each row")
        return
    if evidence.model.task.gives_labels:
        count = int(max(evidence.truth.max(), before.max())) + 1
        shares = [np.bincount(one.astype(np.int64), minlength=count) / len(one) for one in (evidence.truth, before)]
        facts.add("target_drift", np.abs(shares[0] - shares[1]).sum() / 2)
        return
    distance, _ = _distance(evidence.truth.astype(np.float64), before.astype(np.float64))
    facts.add("target_drift", distance)
