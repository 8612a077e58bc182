"""What the doctor measures and reads."""

import json
import os
from pathlib import Path

import pytest

from mltest.agent.cli import main
from mltest.agent.doctor.foreign_processes import busiest_between, read_process_times, unit_of
from mltest.agent.doctor.hiccups import hiccups_of, measured_hiccups
from mltest.agent.doctor.timer import measured_null_call, measured_timer
from mltest.agent.host.power_source import is_on_battery
from mltest.agent.host.swap import swap_used_bytes
from tests.unit.agent.host.machines import write


def test_gaps_are_counted_and_added() -> None:
    hiccups = hiccups_of([20_000, 50_000], 1_000_000)
    assert (hiccups.count, hiccups.largest_ns, hiccups.lost_ns) == (2, 50_000, 70_000)
    assert hiccups.lost_ratio == pytest.approx(0.07)


def test_a_loop_without_gaps_lost_nothing() -> None:
    assert hiccups_of([], 1_000_000).lost_ratio == 0


def test_the_meter_spins_for_the_whole_span_and_looks_up_between() -> None:
    looks: list[int] = []
    assert measured_hiccups(250_000_000, lambda: looks.append(1)).span_ns >= 250_000_000
    assert 1 <= len(looks) <= 3


def test_the_clock_has_a_step_and_a_cost() -> None:
    timer = measured_timer()
    assert timer.resolution_ns > 0
    assert timer.cost_ns > 0


def test_a_call_of_nothing_takes_time_in_a_fresh_process() -> None:
    null = measured_null_call()
    assert null is not None
    assert 0 < null.p50_ns <= null.p99_ns


def test_this_process_is_not_foreign() -> None:
    before = read_process_times()
    assert os.getpid() not in {process.pid for process in before.used_s}
    assert os.getpid() not in {process.pid for process in busiest_between(before, read_process_times())}


@pytest.mark.parametrize(
    ("groups", "unit"),
    [
        ("0::/system.slice/cron.service\n", "cron.service"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"),
        ("1:name=systemd:/system.slice/packagekit.service\n0::/\n", "packagekit.service"),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", ""),
        ("0::/system.slice/bad name;reboot.service\n", ""),
        ("", ""),
    ],
)
def test_the_service_of_a_process_is_read_from_its_control_group(groups: str, unit: str) -> None:
    assert unit_of(groups) == unit


def test_swapped_out_memory_is_what_is_not_free(tmp_path: Path) -> None:
    meminfo = "MemTotal: 9 kB\nSwapTotal:    2000 kB\nSwapFree:     1500 kB\n"
    assert swap_used_bytes(write(tmp_path, {"proc/meminfo": meminfo})) == 512_000
    assert swap_used_bytes(write(tmp_path, {"proc/meminfo": "MemTotal: 9 kB\n"})) is None


@pytest.mark.parametrize(("online", "expected"), [("1", False), ("0", True)])
def test_a_laptop_is_on_its_battery_when_the_mains_are_off(tmp_path: Path, online: str, expected: bool) -> None:
    supply = "sys/class/power_supply"
    files = {f"{supply}/AC/type": "Mains\n", f"{supply}/AC/online": online, f"{supply}/BAT0/type": "Battery\n"}
    assert is_on_battery(write(tmp_path, files)) is expected


def test_a_machine_without_a_battery_is_on_none(tmp_path: Path) -> None:
    assert is_on_battery(tmp_path) is None


def test_the_verb_answers_with_data_and_a_status_of_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--seconds", "0.1"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["machine_class"] in {"dedicated", "shared", "noisy", "unknown"}
    assert data["readings"]["hiccups"]["span_ns"] >= 100_000_000


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "long", "1e9"])
def test_a_span_that_makes_no_sense_is_refused(seconds: str) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--seconds", seconds])
