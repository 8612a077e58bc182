"""What the bench of energy makes of what it measured."""

import math
from dataclasses import replace

import pytest

from bench.energy import _missed
from bench.energy_disturbance import disturbance, disturbance_finding
from tests.energy.summary import Summary


@pytest.mark.parametrize(
    ("logs", "is_met"),
    [
        ([math.log(1.03)] * 3 + [math.log(1.031)] * 3, False),
        ([-0.01, 0.02, 0.0, 0.01], True),
        ([0.001, 0.0012, 0.0009], True),
        ([], False),
    ],
)
def test_a_disturbance_misses_only_where_it_is_certain_and_more_than_one_per_cent(
    logs: list[float], is_met: bool
) -> None:
    assert disturbance_finding(logs).is_met is is_met


@pytest.mark.long
async def test_the_short_form_measures_a_disturbance() -> None:
    found = await disturbance(is_shortest=True)
    assert found.value is not None
    assert found.of_count == 2


def test_error_bars_that_miss_the_truth_and_biases_are_named() -> None:
    good = Summary(count=300, u95_ratio=0.05, sound_ratio=1.0, coverage_ratio=0.95, bias_ratio=0.001)
    assert list(_missed("a", good)) == []
    assert len(list(_missed("a", replace(good, coverage_ratio=0.9, bias_ratio=-0.01)))) == 2
