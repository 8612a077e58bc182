"""Signs of throttling, clocks and temperatures of several kinds of machine."""

from pathlib import Path

import pytest

from mltest.agent.host.clock_rate import cpuinfo_clocks, find_clocks, is_clock_throttled, read_clocks
from mltest.agent.host.temperature import read_temperature_celsius
from mltest.agent.host.throttle_watch import ThrottleWatch
from mltest.agent.host.throttling import SignKind, find_signs, shows_throttling, throttled_since_start
from tests.unit.agent.host.machines import CPU, bare_metal, container, raspberry_pi, virtual_machine, write

PLENTY_NS = 10**12


@pytest.mark.parametrize(
    ("kind", "before", "now", "expected"),
    [
        (SignKind.COUNTER, 3, 3, False),
        (SignKind.COUNTER, 3, 4, True),
        (SignKind.COUNTER, None, 4, False),
        (SignKind.COUNTER, 3, None, False),
        (SignKind.STATE, 0, 0, False),
        (SignKind.STATE, 2, 2, True),
        # Throttled once since the start, and seen before.
        (SignKind.RASPBERRY_PI, 0x50000, 0x50000, False),
        # The soft temperature limit came in between, and went.
        (SignKind.RASPBERRY_PI, 0x50000, 0xD0000, True),
        # Too little voltage right now.
        (SignKind.RASPBERRY_PI, 0x50000, 0x50001, True),
    ],
)
def test_a_sign_is_read_by_its_kind(kind: SignKind, before: int | None, now: int | None, expected: bool) -> None:
    assert shows_throttling(kind, before, now) is expected


def test_a_package_counts_once_and_comes_before_its_cores(tmp_path: Path) -> None:
    names = [sign.path.name for sign in find_signs(bare_metal(tmp_path))]
    assert names == ["package_throttle_count", "core_throttle_count", "core_throttle_count"]


def test_a_machine_without_signs_is_never_throttled(tmp_path: Path) -> None:
    watch = ThrottleWatch(virtual_machine(tmp_path), (0, 1), PLENTY_NS)
    assert not watch.look()
    assert watch.clocks_hz == ()


def test_a_counter_that_rises_is_seen_once(tmp_path: Path) -> None:
    watch = ThrottleWatch(bare_metal(tmp_path), (0, 1), PLENTY_NS)
    assert not watch.look()
    write(tmp_path, {f"{CPU}/cpu1/thermal_throttle/package_throttle_count": "8\n"})
    assert watch.look()
    assert not watch.look()


def test_a_board_that_is_cooled_by_its_clock_is_throttled_as_long_as_that_lasts(tmp_path: Path) -> None:
    watch = ThrottleWatch(raspberry_pi(tmp_path), (0, 1), PLENTY_NS)
    assert not watch.look()
    write(tmp_path, {"sys/class/thermal/cooling_device0/cur_state": "1\n"})
    assert [watch.look(), watch.look()] == [True, True]


def test_what_is_dear_to_read_is_left_to_the_end(tmp_path: Path) -> None:
    watch = ThrottleWatch(bare_metal(tmp_path), (0, 1), affordable_ns=0)
    write(tmp_path, {f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "4\n"})
    assert not watch.look()
    assert watch.look_closely()


def test_a_machine_is_throttled_when_even_its_fastest_processor_is_below_three_quarters_of_base(tmp_path: Path) -> None:
    watch = ThrottleWatch(bare_metal(tmp_path), (0, 1), PLENTY_NS)
    assert not watch.look()
    write(tmp_path, {f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "1799000\n"})
    assert watch.look()
    assert watch.clocks_hz == (1.2e9, 3.3e9)


def test_a_limit_that_somebody_set_is_no_throttling(tmp_path: Path) -> None:
    bare_metal(tmp_path)
    files = {f"{CPU}/cpu{cpu}/cpufreq/{name}": "1200000\n" for cpu in (0, 1) for name in _LIMITED}
    watch = ThrottleWatch(write(tmp_path, files), (0, 1), PLENTY_NS)
    assert not watch.look()


_LIMITED = ("scaling_cur_freq", "scaling_max_freq")


def test_the_rule_of_the_clock_needs_both_clocks() -> None:
    assert not is_clock_throttled((), 2e9)
    assert not is_clock_throttled((1e9,), None)
    assert is_clock_throttled((1.49e9, 0.8e9), 2e9)
    assert not is_clock_throttled((1.5e9, 0.8e9), 2e9)


def test_processors_of_one_clock_are_read_once(tmp_path: Path) -> None:
    paths = find_clocks(raspberry_pi(tmp_path), (0, 1))
    assert read_clocks(paths) == (1.5e9,)
    assert paths.nominal_hz is None


def test_an_amd_or_arm_machine_tells_its_base_clock_by_cppc(tmp_path: Path) -> None:
    write(tmp_path, {f"{CPU}/cpu0/acpi_cppc/nominal_freq": "2600\n"})
    assert find_clocks(tmp_path, (0,)).nominal_hz == 2.6e9


def test_the_constant_in_cpuinfo_of_a_virtual_machine_is_no_clock(tmp_path: Path) -> None:
    assert cpuinfo_clocks(virtual_machine(tmp_path)) == ()


def test_clocks_in_cpuinfo_count_where_they_are_measured(tmp_path: Path) -> None:
    assert cpuinfo_clocks(container(tmp_path)) == (3.3e9, 1.2e9)
    assert ThrottleWatch(tmp_path, (0, 1), PLENTY_NS).clocks_hz == (1.2e9, 3.3e9)


def test_what_happened_since_the_start_is_told(tmp_path: Path) -> None:
    (said,) = throttled_since_start(find_signs(raspberry_pi(tmp_path)))
    assert said.endswith("get_throttled = 0x50000")


def test_the_hottest_sensor_of_the_processor_counts_and_not_that_of_a_disk(tmp_path: Path) -> None:
    assert read_temperature_celsius(bare_metal(tmp_path)) == 64.0


@pytest.mark.parametrize(("kind", "millidegrees"), [("PMIC-Die", "100000"), ("cpu", "255000"), ("cpu", "hot")])
def test_sensors_that_cannot_be_true_are_absent(tmp_path: Path, kind: str, millidegrees: str) -> None:
    zone = "sys/class/thermal/thermal_zone0"
    write(tmp_path, {f"{zone}/type": kind, f"{zone}/temp": millidegrees})
    assert read_temperature_celsius(tmp_path) is None


def test_a_machine_without_sensors_has_no_temperature(tmp_path: Path) -> None:
    assert read_temperature_celsius(virtual_machine(tmp_path)) is None
