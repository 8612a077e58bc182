"""How much it takes to change the label, or the value, of a support vector machine with a kernel; in the child."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.disturbance.label_attack import LabelAttack
from mltest.coordinator.builder.judging.disturbance.radii import Radius, add_radii
from mltest.coordinator.builder.judging.measures.said import labels_of, right_rows, unreached_reason
from mltest.coordinator.builder.judging.vectors.vector_attack import Space, smallest_found
from mltest.coordinator.builder.judging.vectors.vector_machine import Values, VectorSum, is_certain, vector_sums, voted
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.scaling import scale_of, steps_and_final
from mltest.shared.domain import Task
from mltest.shared.errors import MltestError

_KERNELS = ("linear", "poly", "rbf", "sigmoid")
_CHECKED_ROWS = 500
"""By which it is checked that the machine was read as it is."""
_HALVINGS = 12
"""Of the radius that is certified."""
_ROUNDING = 1e-12
"""Of a row, relative: steps before the machine round."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, and what the steps before it do to each column: factor * x + shift."""

    sums: list[VectorSum]
    factor: Values
    shift: Values

    def space(self, row: NDArray[np.floating], ranges: Values) -> Space:
        """Return where changes of `row` (columns,) are made."""
        centre = row.astype(np.float64) * self.factor + self.shift
        return Space(centre, self.factor * ranges, row, ranges)


def read_machine(evidence: ModelEvidence) -> tuple[Machine | None, str]:
    """Return the machine if it says what the model says, else None and why not."""
    assert evidence.native is not None
    steps, final = steps_and_final(evidence.native.estimator)
    if reason := _obstacle(final):
        return None, reason
    width = evidence.rows.shape[1]
    factor, shift = np.ones(width), np.zeros(width)
    try:
        for step in steps:
            scale = scale_of(step, width, "the bound")
            factor, shift = factor * scale.factor, (shift - scale.centre) * scale.factor + scale.shift
    except MltestError as error:
        return None, error.message
    machine = Machine(vector_sums(final), factor, shift)
    return (None, reason) if (reason := _difference(machine, evidence)) else (machine, "")


def vector_radius_facts(
    evidence: ModelEvidence, test: str, *, rows: int, radii: tuple[float, ...], seed: int, budget_s: float
) -> Facts:
    """Return radii, certified and attacked, or how far values can change; or why the machine cannot be bounded."""
    facts = Facts(test)
    is_class = evidence.model.task is Task.CLASSIFICATION
    machine, reason = read_machine(evidence)
    if machine is None:
        facts.add("radius_certified" if is_class else "value_change_certified", None, reason=reason)
        return facts
    if is_class:
        _add_labels(facts, evidence, machine, rows=rows, radii=radii, seed=seed, budget_s=budget_s)
    else:
        _add_values(facts, evidence, machine, rows=rows, radii=radii, budget_s=budget_s)
    return facts


def certified_radius(machine: Machine, label: int, class_count: int, space: Space, upper: float) -> float:
    """Return a radius within which no change changes the label, found by bisection below `upper`."""
    low, high = 0.0, upper
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_kept = is_certain(machine.sums, label, class_count, space.centre, _reach(space, middle))
        low, high = (middle, high) if is_kept else (low, middle)
    return low


def _reach(space: Space, radius: float) -> Values:
    reach: Values = np.abs(space.reach) * radius
    return reach + _ROUNDING * (np.abs(space.centre) + reach)


def _obstacle(final: object) -> str:
    name = type(final).__name__
    if not hasattr(final, "support_vectors_"):
        return f"{name} keeps weights, not support vectors: 'linear radius' is exact for it"
    if (kernel := getattr(final, "kernel", "")) not in _KERNELS:
        return f"it knows the kernels {', '.join(_KERNELS)}, and this one is {kernel}"
    if kernel == "poly" and int(getattr(final, "degree", 0)) < 1:
        return "a polynomial of degree 0 is the same everywhere"
    if getattr(final, "break_ties", False) and len(getattr(final, "classes_", ())) > 2:
        return "with break_ties its labels are not those of its votes"
    if not isinstance(getattr(final, "support_vectors_", None), np.ndarray):
        return "its support vectors are sparse"
    return ""


def _difference(machine: Machine, evidence: ModelEvidence) -> str:
    rows = evidence.rows[:_CHECKED_ROWS].astype(np.float64) * machine.factor + machine.shift
    if not np.isfinite(rows).all():
        return "the data have missing values"
    if evidence.model.task is Task.CLASSIFICATION:
        labels = voted(machine.sums, rows, len(evidence.model.classes))
        differing = int((labels != labels_of(evidence.reference)[: len(rows)]).sum())
    else:
        assert evidence.reference.scores is not None
        values = evidence.reference.scores[: len(rows), 0]
        differing = int((~np.isclose(machine.sums[0].values(rows), values, rtol=1e-6, atol=1e-9)).sum())
    return f"the machine as it was read says something else in {differing} rows" if differing else ""


def _add_labels(
    facts: Facts,
    evidence: ModelEvidence,
    machine: Machine,
    *,
    rows: int,
    radii: tuple[float, ...],
    seed: int,
    budget_s: float,
) -> None:
    chosen = np.flatnonzero(right_rows(evidence.reference, evidence.truth))[:rows]
    found: list[Radius] = []
    for row in chosen.tolist():
        if not evidence.has_time(budget_s):
            break
        found.append(machine_radius(evidence, machine, row, seed))
    if found:
        add_radii(facts, found, len(chosen), radii)
        return
    facts.add("not_finished_count", len(chosen), count=len(chosen))
    facts.add("radius_certified", None, reason=unreached_reason(len(chosen)))


def machine_radius(evidence: ModelEvidence, machine: Machine, row: int, seed: int) -> Radius:
    """Return what is certified of one row, and the smallest change that was found to change its label."""
    ranges = column_ranges(evidence.rows)
    label, space = int(labels_of(evidence.reference)[row]), machine.space(evidence.rows[row], ranges)
    nearest = LabelAttack(evidence, seed).radius(row, 0)
    lower = certified_radius(machine, label, len(evidence.model.classes), space, min(nearest, 1.0))
    upper = smallest_found(
        machine.sums,
        label,
        space,
        lambda asked: labels_of(evidence.predict(asked)),
        lower=lower,
        upper=nearest,
        seed=seed,
    )
    return Radius(lower, upper)


def _add_values(
    facts: Facts, evidence: ModelEvidence, machine: Machine, *, rows: int, radii: Sequence[float], budget_s: float
) -> None:
    """Add how far a value can change at most within each radius, and how far it was made to change."""
    ranges, chosen = column_ranges(evidence.rows), evidence.rows[:rows]
    found: list[list[tuple[float, float]]] = []
    for row in chosen:
        if not evidence.has_time(budget_s):
            break
        space = machine.space(row, ranges)
        found.append([_value_change(machine.sums[0], space, radius, evidence) for radius in radii])
    facts.add("not_finished_count", len(chosen) - len(found), count=len(chosen))
    for position, radius in enumerate(radii):
        for side, metric in enumerate(("value_change_certified", "value_change_attacked")):
            values = [of_row[position][side] for of_row in found]
            reason = "" if values else "no row was reached in time"
            value = float(np.mean(values)) if values else None
            facts.add(metric, value, statistic="mean", label=f"radius {radius:g}", count=len(values), reason=reason)


def _value_change(one: VectorSum, space: Space, radius: float, evidence: ModelEvidence) -> tuple[float, float]:
    """Return the largest change that the bounds allow, and the largest one that following the slopes makes."""
    value = float(one.values(space.centre[None])[0])
    low, high = one.bounds(space.centre, _reach(space, radius))
    changes = np.zeros((2, len(space.centre)))
    signs = np.array([[1.0], [-1.0]])
    for _ in range(10):
        slopes = one.slopes(space.inner(changes)) * space.reach
        changes = np.clip(changes + 0.3 * radius * signs * np.sign(slopes), -radius, radius)
    asked = evidence.predict(np.concatenate([space.outer(np.zeros_like(changes[:1])), space.outer(changes)])).scores
    assert asked is not None
    return max(high - value, value - low), float(np.abs(asked[1:, 0] - asked[0, 0]).max())
