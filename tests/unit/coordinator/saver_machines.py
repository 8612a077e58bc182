"""Twenty small machines on digits, and their files as SAVer reads them."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.svm import SVC

TRIPLES = ((0, 1, 2), (3, 5, 8), (1, 7, 9), (2, 4, 6), (0, 8, 9))
RADII = {"linear": 0.06, "rbf": 0.04, "poly2": 0.04, "poly9": 0.04}
"""Of the boxes, which are cut at 0 and 1, by kernel: such that neither all rows are certain nor none."""
_KERNELS = {
    "linear": SVC(kernel="linear"),
    "rbf": SVC(kernel="rbf", gamma=0.05),
    # SAVer's polynomials have no factor.
    "poly2": SVC(kernel="poly", degree=2, gamma=1.0, coef0=0.0),
    "poly9": SVC(kernel="poly", degree=9, gamma=1.0, coef0=0.0),
}
_TRAINED, _JUDGED = 120, 40


@dataclass(frozen=True, slots=True)
class Case:
    """A machine, and rows that it has not seen (40, 64) in [0, 1]."""

    machine: SVC
    rows: NDArray[np.float64]
    truth: NDArray[np.int64]
    radius: float


@cache
def case_of(kernel: str, triple: tuple[int, ...]) -> Case:
    """Return the machine of `kernel` that tells three digits apart."""
    rows, truth = load_digits(return_X_y=True)
    chosen = np.isin(truth, triple)
    rows, truth = rows[chosen] / 16, truth[chosen]
    machine = SVC(**_KERNELS[kernel].get_params()).fit(rows[:_TRAINED], truth[:_TRAINED])
    judged = slice(_TRAINED, _TRAINED + _JUDGED)
    return Case(machine, rows[judged], truth[judged], RADII[kernel])


def said_by_saver(program: Path, case: Case, folder: Path) -> list[tuple[set[str], set[str]]]:
    """Return the labels of each row, and those that SAVer cannot exclude within the radius, by its domain `raf`."""
    machine, data = folder / "machine.dat", folder / "rows.csv"
    machine.write_text(_machine_text(case.machine))
    lines = [",".join((str(label), *map(repr, row))) for label, row in zip(case.truth, case.rows.tolist(), strict=True)]
    data.write_text(f"# {len(case.rows)} {case.rows.shape[1]}\n" + "\n".join(lines) + "\n")
    command = [str(program), str(machine), str(data), "raf", "l_inf", repr(case.radius)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    said = [line.split()[-2:] for line in text.splitlines() if line.startswith(str(machine))]
    return [(set(now.split(",")), set(possible.split(","))) for now, possible in said]


def _machine_text(machine: SVC) -> str:
    gamma = f"rbf {machine.gamma!r}" if machine.kernel == "rbf" else ""
    kernel = gamma or (f"polynomial {machine.degree} {machine.coef0!r}" if machine.kernel == "poly" else "linear")
    classes = [f"{name} {count}" for name, count in zip(machine.classes_, machine.n_support_, strict=True)]
    numbers = (machine.dual_coef_, machine.support_vectors_, machine.intercept_)
    rows = [" ".join(map(repr, row)) for array in numbers for row in np.atleast_2d(array).tolist()]
    return "\n".join(("ovo", str(machine.n_features_in_), str(len(classes)), kernel, *classes, *rows)) + "\n"
