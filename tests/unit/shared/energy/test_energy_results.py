"""From rounds to a published number with its error bar."""

import math
from dataclasses import replace

import pytest

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.comparing import energy_effect
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.minimum_window import Load, base_window_s, minimum_window_s
from mltest.shared.energy.reading import Absent
from mltest.shared.energy.result import EnergyResult, Quantity, energy_result, power_result
from mltest.shared.energy.rounds import RoundEnergy, RoundWindows, round_energy
from mltest.shared.statistics.paired import Effect
from tests.unit.shared.energy.meters import COUNTER, PACKAGE, POWER, counted, window

ONE = Boundary(COUNTER, "cpu.package", (PACKAGE.id,))
PROMPT = Boundary(replace(COUNTER, update_s=0.0), "cpu.package", (PACKAGE.id,))
"""Of a meter that is never late."""
BOARD = Boundary(POWER, "board", ("board",))
SHARED = {"load_w": 100.0, "base_w": 60.0, "base_change_w": 0.0, "duration_s": 10.0, "inference_count": 1000}


def rounds(gross_j: tuple[float, ...], **changed: float) -> list[RoundEnergy]:
    """Return rounds of 10 s and 1000 inferences, whose net is 0.4 of gross."""
    fields = SHARED | changed
    return [
        RoundEnergy(round_index=index, gross_j=value, net_j=0.4 * value, **fields)  # type: ignore[arg-type]  # a count
        for index, value in enumerate(gross_j)
    ]


def result(found: EnergyResult | Absent) -> EnergyResult:
    assert isinstance(found, EnergyResult), found
    return found


def windows(count: int = 100) -> RoundWindows:
    return RoundWindows(
        round_index=3, before=window(0, 2), load=window(2, 12), after=window(12, 14), inference_count=count
    )


def test_net_is_gross_without_what_a_loaded_model_uses_idle() -> None:
    # 50 W before, 90 W under load, 52 W after: 51 W in the middle of the load.
    found = round_energy(PROMPT, counted([(0, 0.0), (2, 100.0), (12, 1000.0), (14, 1104.0)]), windows())

    assert isinstance(found, RoundEnergy)
    assert found.gross_j == pytest.approx(9.0)
    assert found.net_j == pytest.approx((90 - 51) * 10 / 100)
    assert found.round_index == 3
    assert found.base_w == pytest.approx(51)
    assert found.base_change_w == pytest.approx(2)


def test_a_meter_that_is_late_does_not_make_the_load_smaller() -> None:
    late = Boundary(replace(COUNTER, update_s=1.0), "cpu.package", (PACKAGE.id,))
    # 50 W idle and 90 W under load from 2 s to 12 s, seen half a second late at the ends of the load.
    readings = counted([(0, 0.0), (2, 100.0), (12, 980.0), (14, 1080.0)])

    found = round_energy(late, readings, windows())

    assert isinstance(found, RoundEnergy)
    assert (found.load_w, found.base_w) == (90.0, 50.0)


def test_how_late_a_meter_is_depends_on_what_its_numbers_are() -> None:
    assert replace(COUNTER, update_s=0.1).lag_s == 0.05
    assert replace(COUNTER, update_s=0.1, coverage_ratio=0.25).lag_s == 0.0125
    assert replace(POWER, update_s=0.1, averaging_s=1.0).lag_s == 0.55


def test_a_round_whose_idle_power_moved_too_far_is_not_used() -> None:
    found = round_energy(ONE, counted([(0, 0.0), (2, 100.0), (12, 1000.0), (14, 1120.0)]), windows())

    assert isinstance(found, Absent)
    assert found.reason.startswith("idle power moved from 50 to 60 W")


def test_a_window_that_cannot_be_read_makes_the_round_absent() -> None:
    found = round_energy(ONE, counted([(0, 0.0), (2, 100.0), (12, 1000.0)]), windows())

    assert isinstance(found, Absent)


def test_the_error_bar_is_that_of_the_law_written_out() -> None:
    values = (0.40, 0.41, 0.42, 0.41, 0.40, 0.43, 0.41)
    mean = sum(values) / 7
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / 6)
    statistical = 2.446912 * deviation / math.sqrt(7)  # t(0.975, 6), Abramowitz & Stegun, table 26.10
    u_b = math.hypot(0.02 * mean, 2.0**-14 / math.sqrt(6) / 1000)

    found = result(energy_result(ONE, rounds(values), Quantity.GROSS))

    assert found.value == pytest.approx(mean)
    assert found.uncertainty.statistical == pytest.approx(statistical, rel=1e-6)
    assert found.uncertainty.u95 == pytest.approx(math.hypot(statistical, 2 * u_b), rel=1e-6)


def test_the_zero_of_a_meter_counts_in_gross_and_cancels_in_net() -> None:
    same = rounds((1.0,) * 7)
    time_s = 10.0 / 1000

    gross = result(energy_result(BOARD, same, Quantity.GROSS)).uncertainty
    net = result(energy_result(BOARD, same, Quantity.NET)).uncertainty

    step = 0.1 / math.sqrt(12) * time_s
    assert gross.type_b == pytest.approx(2 * math.hypot(0.0025 * 1.0, step, 0.2 * time_s))
    assert net.type_b == pytest.approx(2 * math.hypot(0.0025 * 0.4, step * math.sqrt(2)))


def test_a_base_that_drifts_widens_the_error_bar_of_net() -> None:
    found = result(energy_result(ONE, rounds((1.0,) * 7, base_change_w=2.0), Quantity.NET))

    drift = 2.0 * 0.01 / math.sqrt(12)
    assert found.uncertainty.type_b == pytest.approx(2 * math.hypot(0.02 * 0.4, drift), rel=1e-6)


def test_rounds_that_agree_by_chance_are_not_surer_than_the_meter() -> None:
    slow = Boundary(replace(COUNTER, update_s=0.1), "cpu.package", (PACKAGE.id,))

    found = result(energy_result(slow, rounds((1.0,) * 7), Quantity.GROSS))

    assert found.uncertainty.statistical == pytest.approx(2.446912 * 0.1 / (10 * math.sqrt(6)) / math.sqrt(7), rel=1e-6)


def test_fewer_than_five_rounds_are_absent_with_the_reason() -> None:
    found = energy_result(ONE, rounds((1.0,) * 4), Quantity.NET)

    assert found == Absent("4 of at least 5 rounds are sound", "measure at least 5 rounds")


def test_what_cannot_be_told_from_nothing_is_an_upper_bound() -> None:
    around_zero = [replace(one, net_j=sign * 1e-3) for one, sign in zip(rounds((1.0,) * 6), (1, -1) * 3, strict=True)]

    found = result(energy_result(ONE, around_zero, Quantity.NET))

    assert found.is_below_resolution
    assert found.text().startswith("below 1.15 mJ (95 %, R=6, ")


def test_the_text_names_everything_that_the_number_depends_on() -> None:
    found = result(energy_result(ONE, rounds((0.40, 0.41, 0.42, 0.41, 0.40, 0.43, 0.41)), Quantity.GROSS))

    assert found.text() == "0.411 ± 0.019 J (95 %, R=7, stat 9.89 mJ, boundary cpu.package, meter counter)"
    assert ", estimate)" in replace(found, is_estimate=True).text()


def test_idle_power_has_an_error_bar_too() -> None:
    found = result(power_result(BOARD, (10.0, 10.1, 9.9, 10.0, 10.0), 2.0))

    deviation = math.sqrt(0.02 / 4)
    statistical = 2.776445 * deviation / math.sqrt(5)
    u_b = math.hypot(0.025, 0.2, 0.1 / math.sqrt(12))
    assert found.uncertainty.u95 == pytest.approx(math.hypot(statistical, 2 * u_b), rel=1e-6)
    assert found.unit == "W"


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        (replace(COUNTER, floor_s=0.0), 0.163),
        (replace(COUNTER, floor_s=2.0), 2.0),
        (replace(COUNTER, floor_s=0.0, update_s=0.02), 3.27),
        (replace(COUNTER, floor_s=0.0, update_s=0.1), 16.3),
        (replace(COUNTER, floor_s=0.0, update_s=1.0, target_ratio=0.02), 40.8),
        (replace(COUNTER, floor_s=0.0, averaging_s=1.0), 10.0),
    ],
)
def test_the_shortest_window_follows_from_meter_and_load(spec: MeterSpec, seconds: float) -> None:
    load = Load(load_w=100.0, base_w=50.0, latency_s=1e-3)

    found = minimum_window_s(Boundary(spec, "cpu.package", (PACKAGE.id,)), load)

    assert found == pytest.approx(seconds, rel=2e-3)


def test_slow_calls_and_slow_samplers_need_longer_windows() -> None:
    slow = Load(load_w=100.0, base_w=50.0, latency_s=0.5)
    quick = Load(load_w=100.0, base_w=50.0, latency_s=1e-3)
    sampler = Boundary(replace(POWER, update_s=0.05), "board", ("board",))

    assert minimum_window_s(ONE, slow) == 25.0
    assert minimum_window_s(sampler, quick) == pytest.approx(200 * 0.05)
    plug = replace(POWER, update_s=1.0, target_ratio=0.02)
    assert minimum_window_s(Boundary(plug, "board", ("board",)), quick) == pytest.approx(50 * 1.0)
    assert base_window_s(ONE) == 2.0


def test_a_candidate_that_no_window_resolves_is_absent_with_the_reason() -> None:
    plug = Boundary(replace(COUNTER, update_s=1.0), "cpu.package", (PACKAGE.id,))

    assert minimum_window_s(plug, Load(load_w=100.0, base_w=50.0, latency_s=1e-3)) == Absent(
        "below resolution: counter would need windows of 163 s, 120 s are the most"
    )
    nothing = minimum_window_s(ONE, Load(load_w=50.0, base_w=50.0, latency_s=1e-3))
    assert isinstance(nothing, Absent)


def test_the_scale_of_a_meter_drops_out_of_comparisons() -> None:
    ours, theirs = rounds((1.0, 1.1, 0.9, 1.0, 1.05)), rounds((2.0, 2.2, 1.8, 2.0, 2.1))

    found = energy_effect((ONE, ours), (ONE, theirs), Quantity.NET)

    assert isinstance(found, Effect)
    assert found.interval is not None
    for value in (found.ratio, found.interval.low, found.interval.high):
        assert value == pytest.approx(0.5)


def test_different_boundaries_are_never_compared() -> None:
    found = energy_effect((ONE, rounds((1.0,) * 5)), (BOARD, rounds((1.0,) * 5)), Quantity.GROSS)

    assert found == Absent("cpu.package of counter and board of sampler are different things, and cannot be compared")


def test_rounds_that_are_not_shared_say_nothing() -> None:
    later = [replace(one, round_index=one.round_index + 10) for one in rounds((1.0,) * 5)]

    assert energy_effect((ONE, rounds((1.0,) * 5)), (ONE, later), Quantity.GROSS) == Absent("they share no sound round")
