import subprocess
import sys

import numpy as np
import pytest

from mltest.agent.runtimes.reference import Work, _Numbers
from mltest.shared.reference import ReferenceWork, reference_artifact, reference_work

SMALL = ReferenceWork(tree_count=2, tree_depth=3, feature_count=4, row_count=5, table_rows=7, width=3)


def test_its_numbers_are_those_of_splitmix64() -> None:
    """The first outputs for seed 1234567, as published with the algorithm's test programs."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    found = _Numbers(1234567).uniform((1, 3)).ravel()
    np.testing.assert_array_equal(found, [(value >> 11) / 2**53 for value in published])


def test_calls_go_on_with_the_next_row_and_come_back_to_the_first() -> None:
    work = Work(SMALL)
    first, second = ([work.call() for _ in range(SMALL.row_count)] for _ in range(2))
    assert first == second
    assert len(set(first)) > 1


def test_the_sum_of_a_call_is_that_of_leaves_and_products() -> None:
    """Computed again in a plain way, from the numbers alone."""
    numbers = _Numbers(SMALL.seed)
    nodes = (SMALL.tree_count, 2**SMALL.tree_depth - 1)
    features = (numbers.uniform(nodes) * SMALL.feature_count).astype(int)
    thresholds = numbers.uniform(nodes)
    row = numbers.uniform((SMALL.row_count, SMALL.feature_count))[0]
    table = numbers.uniform((SMALL.table_rows, SMALL.width)) - 0.5
    picked = (numbers.uniform((SMALL.row_count, SMALL.width)) * SMALL.table_rows).astype(int)[0]
    matrix = numbers.uniform((SMALL.width, SMALL.width)) - 0.5
    total = 0.0
    for tree in range(SMALL.tree_count):
        node = 0
        for _ in range(SMALL.tree_depth):
            goes_left = row[features[tree, node]] <= thresholds[tree, node]
            node = 2 * node + 1 if goes_left else 2 * node + 2
        total += node
    for index in picked:
        for column in range(SMALL.width):
            leaky = [value if value > 0 else 0.01 * value for value in table[index]]
            total += sum(leaky[inner] * matrix[inner, column] for inner in range(SMALL.width))
    assert Work(SMALL).call() == pytest.approx(total, rel=1e-12)


def test_every_process_does_the_same_work() -> None:
    program = (
        "from mltest.agent.runtimes.reference import Work; from mltest.shared.reference import *; "
        "work = Work(reference_work(reference_artifact())); print(repr([work.call() for _ in range(20)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    work = Work(reference_work(reference_artifact()))
    assert done.stdout.strip() == repr([work.call() for _ in range(20)])
