"""Radii of a submitted tree ensemble: by Veritas where it is installed, by our own bound otherwise; in the child."""

from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.disturbance.radii import Radius, add_middles, add_radii
from mltest.coordinator.builder.judging.ensembles.tree_radius import certified_radii, ensemble_labels
from mltest.coordinator.builder.judging.ensembles.tree_search import TreeSearch
from mltest.coordinator.builder.judging.measures.said import labels_of, right_rows, unreached_reason, why_unread
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.shared.errors import MltestError

VERITAS = "dtai-veritas"
_CHECKED_ROWS = 500
"""By which it is checked that the trees were read as they are."""
_BATCH = 10
"""Rows between two looks at the clock, of our own bound."""


def tree_radius_facts(
    evidence: ModelEvidence, test: str, *, rows: int, radii: tuple[float, ...], row_budget_s: float, budget_s: float
) -> Facts:
    """Return radii, and the share of rows that are right and stay so; or why the trees cannot be read."""
    facts = Facts(test)
    ensemble, reason = _read(evidence)
    if ensemble is None:
        facts.add("radius_certified", None, reason=reason)
        return facts
    chosen = np.flatnonzero(right_rows(evidence.reference, evidence.truth))[:rows]
    if has_veritas():
        found = _searched(evidence, ensemble, chosen, row_budget_s, budget_s)
    else:
        found = _bounded(evidence, ensemble, chosen, budget_s)
    if not found:
        facts.add("not_finished_count", len(chosen), count=len(chosen))
        facts.add("radius_certified", None, reason=unreached_reason(len(chosen)))
        return facts
    if has_veritas():
        add_radii(facts, found, len(chosen), radii)
    else:
        _add_bounds(facts, ensemble, [one.lower for one in found], len(chosen), radii)
    return facts


def has_veritas() -> bool:
    """Return whether Veritas is installed here."""
    try:
        version(VERITAS)
    except PackageNotFoundError:
        return False
    return True


def _read(evidence: ModelEvidence) -> tuple[Ensemble | None, str]:
    """Return the trees, if they say what the model says; else None and why not."""
    try:
        source = ExportSource(path=evidence.path, info=evidence.model, native=evidence.native)
        ensemble = read_ensemble(source)
    except MltestError as error:
        return None, f"its trees cannot be read: {why_unread(error)}"
    reason = _obstacle(ensemble, evidence)
    return (None, reason) if reason else (ensemble, "")


def _obstacle(ensemble: Ensemble, evidence: ModelEvidence) -> str:
    classes = len(evidence.model.classes)
    if ensemble.output_count != classes:
        return f"the trees give {ensemble.output_count} values for {classes} classes"
    looked_at, labels = evidence.rows[:_CHECKED_ROWS], labels_of(evidence.reference)[:_CHECKED_ROWS]
    differing = int((ensemble_labels(ensemble, looked_at) != labels).sum())
    if differing:
        return f"the trees as they were read give another label in {differing} rows"
    return ""


def _bounded(evidence: ModelEvidence, ensemble: Ensemble, chosen: NDArray[np.int64], budget_s: float) -> list[Radius]:
    found: list[Radius] = []
    for start in range(0, len(chosen), _BATCH):
        if not evidence.has_time(budget_s):
            break
        batch = evidence.rows[chosen[start : start + _BATCH]]
        lower = certified_radii(ensemble, batch, column_ranges(evidence.rows))
        found += [Radius(radius, np.inf) for radius in lower.tolist()]
    return found


def _searched(
    evidence: ModelEvidence, ensemble: Ensemble, chosen: NDArray[np.int64], row_budget_s: float, budget_s: float
) -> list[Radius]:
    ranges = column_ranges(evidence.rows)
    search = TreeSearch(
        ensemble, evidence.rows, labels_of(evidence.reference), ranges, lambda rows: labels_of(evidence.predict(rows))
    )
    found: list[Radius] = []
    for row in chosen.tolist():
        if not evidence.has_time(budget_s):
            break
        certified = float(certified_radii(ensemble, evidence.rows[[row]], ranges)[0])
        found.append(search.radius(row, certified, row_budget_s))
    return found


def _add_bounds(
    facts: Facts, ensemble: Ensemble, lower: list[float], chosen_count: int, radii: tuple[float, ...]
) -> None:
    """Add what our own bound says: of one tree it is exact."""
    values, is_exact = np.array(lower), len(ensemble.trees) == 1
    metric, word = ("radius_exact", "exact") if is_exact else ("radius_certified", "at least")
    facts.add("not_finished_count", chosen_count - len(lower), count=chosen_count)
    add_middles(facts, metric, values)
    for radius in radii:
        share = float((values > radius).mean())
        facts.add("robust_accuracy", share, statistic=word, label=f"radius {radius:g}", count=len(lower))
    if not is_exact:
        reason = f"{VERITAS} is not installed where tests are made; pip install 'mltest-fleet[trees]'"
        facts.add("radius_exact", None, statistic="median", reason=reason)
