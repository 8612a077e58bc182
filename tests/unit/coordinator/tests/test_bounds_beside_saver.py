"""Our bound of support vector machines beside SAVer, the verifier of Ranzato and Zanella.

Source: "Robustness Verification of Support Vector Machines", SAS 2019; github.com/abstract-machine-learning/saver at
commit de7a6d6, compiled by `make` in src, run as `saver MACHINE ROWS raf l_inf RADIUS` on the machines of
`saver_machines`. Its domain `raf` is sound; its mode `hybrid`, which drops classes that can win, was not asked.
The paper's tables need MNIST and Fashion-MNIST.

What was seen: of 800 rows, SAVer is certain of 681 and our bound of 694, among these every one of SAVer's. For linear
machines and polynomials of degree 2 both say the same of every row; with radial functions and degree 9 ours is tighter.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.vectors.vector_machine import is_certain, vector_sums
from tests.unit.coordinator.saver_machines import RADII, TRIPLES, Case, case_of, said_by_saver

PROGRAM = "MLTEST_SAVER"
COMMAND = f"git clone https://github.com/abstract-machine-learning/saver; make -C saver/src; {PROGRAM}=saver/src/saver"
SAVER = {
    "linear": ("ffff7ffffb", "6f7c19eef2", "ffb7fff9e9", "ffffffdfff", "dafbbf3ffe"),
    "rbf": ("fffffffffb", "ef7c1feef2", "df23d7f5eb", "ffffffdfff", "dffffdbfff"),
    "poly2": ("ffff7ffffb", "ef7c1beef2", "ffb7fffffb", "ffffffffff", "dbfbff7ffe"),
    "poly9": ("fffffffffe", "79783b6ee4", "ffbfff7fd7", "fffffffffe", "dafbbd5fba"),
}
"""Of each machine, in the order of TRIPLES: a bit for each of 40 rows, the first one highest; 1: SAVer is certain."""
CASES = [(kernel, number) for kernel in RADII for number in range(len(TRIPLES))]


@pytest.mark.parametrize(("kernel", "number"), CASES)
def test_what_saver_proves_is_proven(kernel: str, number: int) -> None:
    saver = np.array([bit == "1" for bit in f"{int(SAVER[kernel][number], 16):040b}"])
    case = case_of(kernel, TRIPLES[number])
    own = own_certain(case)
    assert not (saver & ~own).any()
    if kernel in ("linear", "poly2"):
        assert (saver == own).all()
    assert not (own & broken_by_random_corners(case)).any()


@pytest.mark.skipif(PROGRAM not in os.environ, reason=COMMAND)
@pytest.mark.parametrize(("kernel", "number"), CASES)
def test_saver_says_today_what_is_written_here(kernel: str, number: int, tmp_path: Path) -> None:
    case = case_of(kernel, TRIPLES[number])
    said = said_by_saver(Path(os.environ[PROGRAM]).absolute(), case, tmp_path)
    labels = case.machine.predict(case.rows)
    assert all(str(label) in now for label, (now, _) in zip(labels, said, strict=True))
    bits = "".join("1" if len(possible) == 1 else "0" for _, possible in said)
    assert f"{int(bits, 2):010x}" == SAVER[kernel][number]


def own_certain(case: Case) -> NDArray[np.bool_]:
    low, high = box(case)
    sums, labels = vector_sums(case.machine), np.searchsorted(case.machine.classes_, case.machine.predict(case.rows))
    found = [
        is_certain(sums, int(label), 3, (least + most) / 2, (most - least) / 2)
        for label, least, most in zip(labels, low, high, strict=True)
    ]
    return np.array(found)


def broken_by_random_corners(case: Case) -> NDArray[np.bool_]:
    """Return the rows (40,) for which one of 200 corners of the box gets another label."""
    low, high = box(case)
    labels, random = case.machine.predict(case.rows), np.random.default_rng(0)
    broken = [
        (case.machine.predict(np.where(random.random((200, low.shape[1])) < 0.5, least, most)) != label).any()
        for label, least, most in zip(labels, low, high, strict=True)
    ]
    return np.array(broken)


def box(case: Case) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.clip(case.rows - case.radius, 0, 1), np.clip(case.rows + case.radius, 0, 1)
