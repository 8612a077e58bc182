"""Growth of a series of readings, against SciPy and on readings whose truth is known."""

import random

import pytest

from mltest.shared.statistics.growth import growth_of

stats = pytest.importorskip("scipy.stats", reason="pip install scipy makes it run")


@pytest.mark.parametrize("seed", range(20))
def test_slope_and_interval_are_those_of_scipy(seed: int) -> None:
    generator = random.Random(seed)
    readings = [round(0.3 * index + generator.gauss(0, 4)) for index in range(21)]

    found = growth_of(readings)

    expected = stats.theilslopes(readings, range(21), alpha=0.95)
    assert (found.slope, found.interval.low, found.interval.high) == pytest.approx(expected[0:1] + expected[2:4])


def test_readings_that_stay_do_not_grow() -> None:
    assert growth_of([5.0] * 21).interval.low == growth_of([5.0] * 21).interval.high == 0


def test_one_step_is_no_growth() -> None:
    for place in range(1, 21):
        assert growth_of([0.0] * place + [9.0] * (21 - place)).interval.low <= 0


def test_few_readings_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        growth_of([1, 2, 3])
