"""Xi-alpha bounds against leave-one-out itself, and against what svm_light V6.20 printed."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import SVC, LinearSVC

from mltest.coordinator.builder.judging.vectors.xi_alpha_bounds import xi_alpha_bounds
from mltest.coordinator.tests.xi_alpha import XiAlpha
from tests.unit.coordinator.examined import evidence_of, only, value_of


def problem(seed: int, count: int = 30) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    rows = random.normal(size=(count, 3)) + truth[:, None] * random.uniform(0.3, 2.0)
    return rows, truth


def left_out(machine: SVC, rows: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what machines that never saw the row say of it; one that is no support vector changes nothing."""
    said: NDArray[np.int64] = machine.predict(rows)
    for row in machine.support_.tolist():
        kept = np.delete(np.arange(len(rows)), row)
        said[row] = SVC(**machine.get_params()).fit(rows[kept], truth[kept]).predict(rows[[row]])[0]
    return said


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_no_leave_one_out_estimate_is_worse_than_its_bound_in_thirty_problems(kernel: str) -> None:
    checked = 0
    for seed in range(45):
        rows, truth = problem(seed)
        machine = SVC(kernel=kernel, gamma=0.5, C=(0.1, 1.0, 10.0)[seed % 3], tol=1e-6).fit(rows, truth)
        if (np.abs(machine.dual_coef_) >= machine.C * (1 - 1e-9)).all():
            continue
        checked += 1
        bounds = xi_alpha_bounds(machine, rows, np.where(truth == 1, 1.0, -1.0), rho=2.0)
        said = left_out(machine, rows, truth)
        hits, positives, called = int((said * truth).sum()), int(truth.sum()), int(said.sum())
        assert bounds.error >= (said != truth).mean() - 1e-12
        assert bounds.recall is not None
        assert bounds.recall <= hits / positives + 1e-12
        if bounds.precision is not None and called:
            assert bounds.precision <= hits / called + 1e-12
    assert checked >= 30


def test_a_machine_whose_vectors_are_all_at_their_bound_is_refused() -> None:
    # Leaving a row out of two equal classes turns the majority against it: every row is then wrong.
    rows, truth = problem(0)
    machine = SVC(kernel="rbf", gamma=0.5, C=0.1).fit(rows, truth)
    assert (left_out(machine, rows, truth) != truth).all()
    (found,) = XiAlpha().examine(evidence_of(machine, rows, truth, training=(rows, truth)))
    assert "at its bound" in found.reason


def svm_light_problem(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if name == "breast cancer":
        rows, truth = load_breast_cancer(return_X_y=True)
        return normalize(StandardScaler().fit_transform(rows)), truth
    if name == "digits 3 and 8":
        rows, truth = load_digits(return_X_y=True)
        chosen = np.isin(truth, (3, 8))
        return normalize(rows[chosen] / 16), (truth[chosen] == 8).astype(int)
    rows, truth = load_iris(return_X_y=True)
    return rows[50:], truth[50:] - 1


@pytest.mark.parametrize(
    ("name", "kernel", "rho", "expected"),
    [
        ("breast cancer", "linear", 2.0, (11.25, 91.04, 91.04)),
        ("breast cancer", "linear", 1.0, (10.19, 91.88, 91.88)),
        ("digits 3 and 8", "rbf", 2.0, (20.17, 79.31, 79.31)),
    ],
)
def test_bounds_are_what_svm_light_printed(name: str, kernel: str, rho: float, expected: tuple[float, ...]) -> None:
    # svm_light V6.20, C = 1, gamma = 1; its R2 is the largest squared distance of an image from that of 0.
    rows, truth = svm_light_problem(name)
    machine = SVC(kernel=kernel, C=1.0, gamma=1.0, tol=1e-6).fit(rows, truth)
    lengths = (rows**2).sum(axis=1)
    radius2 = float((lengths if kernel == "linear" else 2 - 2 * np.exp(-lengths)).max())
    bounds = xi_alpha_bounds(machine, rows, np.where(truth == 1, 1.0, -1.0), rho=rho, radius2=radius2)
    assert bounds.recall is not None
    assert bounds.precision is not None
    found = (100 * bounds.error, 100 * bounds.recall, 100 * bounds.precision)
    assert found == pytest.approx(expected, abs=0.006)


def test_the_training_data_give_a_submitted_machine_its_bounds() -> None:
    rows, truth = problem(1)
    machine = SVC(kernel="rbf").fit(rows, truth)
    results = list(XiAlpha().examine(evidence_of(machine, rows, truth, training=(rows, truth))))
    assert 0 < value_of(results, "xi_alpha_error") <= 1
    assert {one.metric for one in results} == {f"xi_alpha_{name}" for name in ("error", "recall", "precision", "f1")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows, truth: None, "--training FILE"),
        (lambda rows, truth: (rows[1:], truth[1:]), "29 rows"),
        (lambda rows, truth: (rows[::-1], truth[::-1]), "not in the order"),
    ],
)
def test_other_training_data_are_refused(change: Any, words: str) -> None:
    rows, truth = problem(1)
    machine = SVC(kernel="rbf").fit(rows, truth)
    (found,) = XiAlpha().examine(evidence_of(machine, rows, truth, training=change(rows, truth)))
    assert words in found.reason


def test_a_machine_without_hinge_loss_has_no_bounds() -> None:
    rows, truth = problem(1)
    evidence = evidence_of(LinearSVC().fit(rows, truth), rows, truth, training=(rows, truth))
    assert "LinearSVC" in only(list(XiAlpha().examine(evidence)), "xi_alpha_error").reason
