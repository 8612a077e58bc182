"""Importance by Shapley values where they are exact and cheap: trees, boosting libraries, linear models."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.ensemble import Ensemble, Link
from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.judging.importance.importance_facts import mean_interval
from mltest.coordinator.builder.judging.importance.library_shap import LIBRARY_SHARES
from mltest.coordinator.builder.judging.importance.tree_shap import tree_contributions
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.surgery.ensembles import rows_before_final
from mltest.shared.errors import MltestError
from mltest.shared.native.outputs import final_estimator

_BATCH = 50
"""Rows between two looks at the clock."""
_ALLOWED_GAP = 1e-4
"""Of the largest value that the model says: several libraries add in float32."""
_TREES = ("forest", "boosting", "tree", "bagging")


@dataclass(frozen=True, slots=True)
class Shares:
    """What each feature adds to what a model says of some rows."""

    values: NDArray[np.float64]
    """(rows, features, outputs)."""
    gap: float
    """The largest difference between what they add up to and what the model says."""
    largest: float
    """The largest value that it says."""


class NoSharesError(Exception):
    """Why there are none."""


Explain = Callable[[NDArray[np.floating]], Shares]


def shap_facts(
    evidence: ModelEvidence,
    test: str,
    *,
    rows: int,
    background_rows: int,
    shown_features: int,
    seed: int,
    budget_s: float,
) -> Facts:
    """Return the mean size of each feature's share, the largest first; the statistic names the method."""
    facts = Facts(test)
    try:
        method, explain, names = _method(evidence, background_rows=background_rows, seed=seed)
        found, missed = _explained(evidence, explain, _picked(len(evidence.rows), rows, seed), budget_s)
    except (NoSharesError, MltestError) as error:
        facts.add("shap_importance", None, reason=error.message if isinstance(error, MltestError) else str(error))
        return facts
    gap, largest = max(one.gap for one in found), max(one.largest for one in found)
    facts.add("shap_additivity_gap", gap, statistic=method)
    if not gap <= _ALLOWED_GAP * max(1.0, largest):
        reason = f"the shares do not add up to what the model says (off by {gap:.3g})"
        facts.add("shap_importance", None, reason=reason)
        return facts
    values = np.abs(np.concatenate([one.values for one in found])).mean(axis=2)
    means = values.mean(axis=0)
    for position in np.argsort(-means, kind="stable")[:shown_features].tolist():
        interval = mean_interval(values[:, position])
        facts.add(
            "shap_importance",
            means[position],
            statistic=method,
            label=names(position),
            interval=interval,
            count=len(values),
        )
    if missed:
        reason = f"{missed} rows were not reached in {budget_s:g} s (budget_s sets it)"
        facts.add("shap_importance", None, statistic=method, reason=reason)
    return facts


def _explained(
    evidence: ModelEvidence, explain: Explain, picked: NDArray[np.int64], budget_s: float
) -> tuple[list[Shares], int]:
    found: list[Shares] = []
    for start in range(0, len(picked), _BATCH):
        if found and not evidence.has_time(budget_s):
            return found, len(picked) - start
        found.append(explain(evidence.rows[picked[start : start + _BATCH]]))
    return found, 0


def _picked(count: int, most: int, seed: int) -> NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=most, replace=False))


def _method(evidence: ModelEvidence, *, background_rows: int, seed: int) -> tuple[str, Explain, Callable[[int], str]]:
    """Return the name of the method, what explains rows, and the name of each feature."""
    of_library = LIBRARY_SHARES.get(evidence.model.format)
    if of_library is not None:
        explain = of_library(evidence.path)
        return "native contributions", lambda rows: Shares(*explain(rows)), evidence.column_name
    rows = evidence.rows if evidence.training is None else evidence.training[0]
    background = rows[_picked(len(rows), background_rows, seed)]
    if evidence.model.family in _TREES:
        source = ExportSource(path=evidence.path, info=evidence.model, native=evidence.native)
        ensemble = read_ensemble(source)
        return "path-dependent trees", partial(_of_trees, evidence, ensemble, background), evidence.column_name
    return "linear", *_linear(evidence, background)


def _of_trees(
    evidence: ModelEvidence, ensemble: Ensemble, background: NDArray[np.floating], rows: NDArray[np.floating]
) -> Shares:
    found = tree_contributions(ensemble, rows, background)
    said = evidence.predict(rows)
    if said.scores is None:
        raise NoSharesError("the model gives labels only, so that there is nothing which shares could add up to")
    added = linked(ensemble, found.values.sum(axis=1) + found.base)
    if added.shape != said.scores.shape:
        raise NoSharesError(f"the trees give {added.shape[1]} values, the model {said.scores.shape[1]}")
    return Shares(found.values, float(np.abs(added - said.scores).max()), float(np.abs(said.scores).max()))


def linked(ensemble: Ensemble, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the answer (rows, outputs) that an ensemble gives for its sums (rows, sums)."""
    if ensemble.link is Link.SOFTMAX:
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    if ensemble.link is Link.EXP:
        return np.exp(sums)
    if ensemble.link in (Link.SIGMOID, Link.LOGISTIC):
        shares = 1 / (1 + np.exp(-ensemble.alpha * sums))
        return np.hstack([1 - shares, shares]) if ensemble.link is Link.SIGMOID else shares
    return sums


def _linear(evidence: ModelEvidence, background: NDArray[np.floating]) -> tuple[Explain, Callable[[int], str]]:
    """Return what explains a linear model: weight times distance from the mean of the background.

    Of features that depend on each other that is the share with the others held as they are on average.
    """
    if evidence.native is None:
        raise NoSharesError("only linear models of scikit-learn are read")
    native, estimator = evidence.native, evidence.native.estimator
    final = final_estimator(estimator)
    weights = getattr(final, "coef_", None) if getattr(final, "kernel", "linear") == "linear" else None
    if weights is None or not hasattr(final, "intercept_"):
        raise NoSharesError(f"{type(final).__name__} is neither made of trees nor linear in its columns")
    if hasattr(final, "n_support_") and len(evidence.model.classes) > 2:
        raise NoSharesError(f"{type(final).__name__} decides between pairs of classes, not by one sum for each")
    if hasattr(weights, "toarray"):
        weights = weights.toarray()
    slopes = np.atleast_2d(np.asarray(weights, dtype=np.float64))

    def before(rows: NDArray[np.floating]) -> Any:
        found = rows_before_final(estimator, native.prepare(rows))
        return found.toarray() if hasattr(found, "toarray") else found

    middle = np.asarray(before(background)).mean(axis=0)
    if slopes.shape[1] != len(middle):
        raise NoSharesError(f"{type(final).__name__} has no weights of its columns")

    def explain(rows: NDArray[np.floating]) -> Shares:
        seen = before(rows)
        asked = final.decision_function if hasattr(final, "decision_function") else final.predict
        said = np.asarray(asked(seen), dtype=np.float64).reshape(len(rows), -1)
        values = (seen - middle)[:, :, None] * slopes.T[None]
        if said.shape[1] != values.shape[2]:
            raise NoSharesError(f"{type(final).__name__} has other weights than sums")
        added = values.sum(axis=1) + middle @ slopes.T + np.asarray(final.intercept_, dtype=np.float64)
        return Shares(values, float(np.abs(added - said).max()), float(np.abs(said).max()))

    is_named = len(middle) == evidence.rows.shape[1]
    return explain, evidence.column_name if is_named else (lambda position: f"column {position}")
