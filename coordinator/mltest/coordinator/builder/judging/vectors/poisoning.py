"""What one added training row can do to a support vector machine; runs in the builder's child.

The row climbs the hinge loss of rows that the attacker has, along its gradient; after each step the machine is trained
again. Source: Biggio, Nelson and Laskov 2012, "Poisoning attacks against support vector machines", arXiv:1206.6389,
section 3: the weights of margin vectors follow the added row while the conditions of the optimum hold.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.vectors.vector_machine import Values, VectorSum, vector_sums
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.surgery.ensembles import rows_before_final
from mltest.coordinator.builder.surgery.selection import selection_positions
from mltest.shared.native.outputs import final_estimator

_MOST_ROWS = 5000
"""Of training: it is trained anew at each step."""
_STRIDE = 0.2
"""Of the longest step, in shares of each column's range; it shrinks to a tenth."""
_AT_BOUND = 1e-6
_RIDGE = 1e-9
_KERNELS = ("linear", "poly", "rbf")


@dataclass(frozen=True, slots=True)
class PoisonTask:
    """Training rows, and rows by which the attacker climbs; in the space that the machine gets."""

    rows: Values
    signs: Values
    """(rows,): 1 for the second class, -1 for the first."""
    aimed_rows: Values
    aimed_signs: Values


def poisoning_facts(
    evidence: ModelEvidence, test: str, *, starts: int, steps: int, seed: int, budget_s: float
) -> Facts:
    """Return by how much one added row raises the error of rows that it was not made by."""
    facts = Facts(test)
    if reason := _obstacle(evidence):
        facts.add("poisoned_error_change", None, statistic="optimised", reason=reason)
        return facts
    assert evidence.native is not None
    assert evidence.training is not None
    final = final_estimator(evidence.native.estimator)
    aimed = np.zeros(len(evidence.rows), dtype=np.bool_)
    aimed[selection_positions(len(evidence.rows), evidence.truth)] = True
    rows, signs = _inner(evidence, evidence.rows), _signs(evidence.truth)
    task = PoisonTask(_inner(evidence, evidence.training[0]), _signs(evidence.training[1]), rows[aimed], signs[aimed])
    random, found = np.random.default_rng(seed), []
    for _ in range(starts):
        if not evidence.has_time(budget_s):
            break
        place = int(random.integers(len(task.rows)))
        added, flipped = climbed(final, task, task.rows[place], -task.signs[place], steps), task.rows[place]
        errors = [
            _error(trained(final, task, row, -task.signs[place]), rows[~aimed], signs[~aimed])
            for row in (added, flipped)
        ]
        found.append(errors)
    _add(facts, np.array(found).reshape(-1, 2) - _error(final, rows[~aimed], signs[~aimed]), starts)
    return facts


def climbed(machine: Any, task: PoisonTask, start: Values, sign: float, steps: int) -> Values:
    """Return the row (columns,) with the label `sign`, reached from `start`, by which the aimed rows suffer most."""
    low, high = task.rows.min(axis=0), task.rows.max(axis=0)
    row, best, worst = start.copy(), start.copy(), -np.inf
    for stride in np.geomspace(_STRIDE, _STRIDE / 10, steps):
        made = trained(machine, task, row, sign)
        loss = _loss(made, task)
        if loss > worst:
            best, worst = row.copy(), loss
        slope = _slope(made, task, row, sign) * (high - low)
        size = np.abs(slope).max()
        if not size > 0:
            break
        row = np.clip(row + stride * (high - low) * slope / size, low, high)
    return best


def trained(machine: Any, task: PoisonTask, row: Values, sign: float) -> Any:
    """Return a machine with the same parameters, trained with one more row, the last one."""
    from sklearn.base import clone

    classes = np.asarray(machine.classes_)
    signs = np.r_[task.signs, sign]
    return clone(machine).fit(np.vstack([task.rows, row]), classes[(signs > 0).astype(np.int64)])


def _slope(made: Any, task: PoisonTask, row: Values, sign: float) -> Values:
    """Return how the aimed rows' hinge loss changes with the added row: (columns,)."""
    last = len(task.rows)
    weights = np.zeros(last + 1)
    weights[made.support_] = np.abs(np.asarray(made.dual_coef_).ravel())
    if not weights[last] > 0:
        return np.zeros_like(row)
    (one,) = vector_sums(made)
    rows, signs = np.vstack([task.rows, row]), np.r_[task.signs, sign]
    is_margin = (weights > _AT_BOUND) & (weights < made.C * (1 - _AT_BOUND))
    is_margin[last] = False
    is_lost = task.aimed_signs * -one.values(task.aimed_rows) < 1
    lost, lost_signs = task.aimed_rows[is_lost], task.aimed_signs[is_lost]
    moved = _moved(one, rows[is_margin], signs[is_margin], lost, lost_signs)
    vectors = np.vstack([rows[is_margin], lost])
    factors = -np.r_[moved * signs[is_margin], lost_signs] * sign
    slope: Values = weights[last] * one.kernel.slopes(vectors, factors, row[None])[0]
    return slope


def _moved(one: VectorSum, margin: Values, signs: Values, lost: Values, lost_signs: Values) -> Values:
    """Return the sum over lost rows of what each margin vector's weight carries on: M of the source, (vectors,)."""
    if not len(margin):
        return np.zeros(0)
    inner = signs[:, None] * signs * one.kernel.curve.value(one.kernel.arguments(margin, margin))
    outer = lost_signs[:, None] * signs * one.kernel.curve.value(one.kernel.arguments(margin, lost))
    inverse = np.linalg.pinv(inner + _RIDGE * np.eye(len(inner)), hermitian=True)
    direction = inverse @ signs
    scale = float(signs @ direction)
    if not scale > 0:
        return np.zeros(len(margin))
    carried = outer @ (scale * inverse - np.outer(direction, direction)) + np.outer(lost_signs, direction)
    total: Values = -carried.sum(axis=0) / scale
    return total


def _loss(made: Any, task: PoisonTask) -> float:
    return float(np.maximum(0.0, 1.0 - task.aimed_signs * made.decision_function(task.aimed_rows)).sum())


def _error(made: Any, rows: Values, signs: Values) -> float:
    return float((np.sign(made.decision_function(rows)) != signs).mean())


def _inner(evidence: ModelEvidence, rows: NDArray[np.floating]) -> Values:
    assert evidence.native is not None
    return rows_before_final(evidence.native.estimator, evidence.native.prepare(rows)).astype(np.float64)


def _signs(truth: NDArray[np.generic] | None) -> Values:
    assert truth is not None
    return np.where(truth.astype(np.int64) == 1, 1.0, -1.0)


def _obstacle(evidence: ModelEvidence) -> str:
    assert evidence.native is not None
    final = final_estimator(evidence.native.estimator)
    if type(final).__name__ != "SVC" or final.kernel not in _KERNELS:
        return f"it is for sklearn.svm.SVC with kernel {', '.join(_KERNELS)}, and this is {evidence.model.kind}"
    if len(final.classes_) != 2:
        return f"it is for two classes, and this model has {len(final.classes_)}"
    if not np.all(final.class_weight_ == 1):
        return "its classes have weights"
    if evidence.training is None:
        return "what the model was trained with is not given (--training FILE)"
    if len(evidence.training[0]) > _MOST_ROWS:
        return f"it trains the model again and again, and {len(evidence.training[0])} rows are more than {_MOST_ROWS}"
    return ""


def _add(facts: Facts, changes: Values, starts: int) -> None:
    facts.add("not_finished_count", starts - len(changes), count=starts)
    if not len(changes):
        facts.add("poisoned_error_change", None, statistic="optimised", reason="nothing was reached in time (budget_s)")
        return
    for column, name in enumerate(("optimised", "flipped label")):
        facts.add("poisoned_error_change", changes[:, column].mean(), statistic=name, count=len(changes))
    facts.add("poisoned_error_change", changes[:, 0].max(), statistic="worst", count=len(changes))
