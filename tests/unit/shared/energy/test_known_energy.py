"""Campaigns on machines whose joules are known: wrap, staleness, steps, drift, bursts, and a sensor that looks seldom.

Each campaign draws a machine, a scale and a zero of the meter, and asks whether the printed error bar holds the truth.
"""

import pytest

from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.result import Quantity
from tests.energy.campaign import ROUNDS, outcomes
from tests.energy.instruments import INSTRUMENTS, Instrument
from tests.energy.summary import Summary, summary_of

SHORT, SHORT_OF_WATTS, SHORT_OF_SAMPLERS, LONG = 100, 50, 12, 300
"""Campaigns; one with a sampler has thousands of readings, one with a plug that tells watts a thousand."""
LONGEST_BIAS = 0.005
COVERAGE = (0.93, 1.0)

each_instrument = pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda one: one.spec.meter)
both = pytest.mark.parametrize("quantity", Quantity, ids=lambda one: one.value)


def check(found: Summary) -> None:
    assert abs(found.bias_ratio) <= LONGEST_BIAS, found
    assert COVERAGE[0] <= found.coverage_ratio <= COVERAGE[1], found
    assert found.sound_ratio > 0.8, found


@both
@each_instrument
def test_the_error_bar_holds_the_truth(instrument: Instrument, quantity: Quantity) -> None:
    is_sampler = instrument.spec.kind is MeterKind.POWER
    count = SHORT if not is_sampler else SHORT_OF_SAMPLERS if instrument.spec.poll_s < 1 else SHORT_OF_WATTS
    check(summary_of(outcomes(instrument, quantity, range(count)), ROUNDS))


@pytest.mark.long
@both
@each_instrument
def test_the_error_bar_holds_the_truth_in_hundreds_of_campaigns(instrument: Instrument, quantity: Quantity) -> None:
    check(summary_of(outcomes(instrument, quantity, range(LONG)), ROUNDS))
