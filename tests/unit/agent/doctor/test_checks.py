"""Each check of the doctor, on readings that were spoilt for it."""

from typing import Any

import pytest

from mltest.agent.doctor.diagnosis import CHECKS, diagnosis_of
from mltest.agent.doctor.finding import Finding, Level
from mltest.agent.doctor.load_checks import check_foreign_load
from mltest.agent.doctor.readings import NullCall, Readings, Timer
from mltest.agent.host.processor_quota import ProcessorQuota
from mltest.shared.domain import MachineClass
from tests.unit.agent.doctor.readings_of import good, hiccups, hog


def finding(readings: Readings, check: str) -> Finding:
    return next(found for found in diagnosis_of(readings).findings if found.check == check)


def test_a_machine_without_fault_is_told_so() -> None:
    diagnosis = diagnosis_of(good())
    assert {found.level for found in diagnosis.findings} == {Level.OK}
    assert diagnosis.worth.startswith("Absolute times and differences")


SPOILT: list[tuple[str, dict[str, Any], Level]] = [
    ("foreign_load", {"foreign_load_ratio": 0.05}, Level.WARNING),
    ("foreign_load", {"foreign_load_ratio": 0.5}, Level.PROBLEM),
    ("foreign_load", {"settings": {"load": "cannot be read"}}, Level.WARNING),
    ("steal", {"steal_ratio": 0.01}, Level.WARNING),
    ("steal", {"steal_ratio": 0.1}, Level.PROBLEM),
    ("steal", {"is_virtual": True}, Level.OK),
    ("canary", {"canary_cv_ratio": 0.02}, Level.WARNING),
    ("canary", {"canary_cv_ratio": 0.2}, Level.PROBLEM),
    ("hiccups", {"hiccups": hiccups(lost_ns=30_000_000, largest_ns=1_000_000)}, Level.WARNING),
    ("hiccups", {"hiccups": hiccups(lost_ns=13_000_000, largest_ns=13_000_000)}, Level.WARNING),
    ("hiccups", {"hiccups": hiccups(lost_ns=900_000_000, largest_ns=9_000_000)}, Level.PROBLEM),
    ("governor", {"settings": {"governor": "powersave"}}, Level.WARNING),
    ("governor", {"without": "governor"}, Level.NOTE),
    ("turbo", {"settings": {"turbo": "on"}}, Level.NOTE),
    ("throttling", {"throttled_slice_count": 2}, Level.PROBLEM),
    ("throttling", {"throttled_since_start": ("get_throttled = 0x50000",)}, Level.NOTE),
    ("temperature", {"temperature_celsius": 85.0}, Level.WARNING),
    ("battery", {"is_on_battery": True}, Level.WARNING),
    ("cpu_quota", {"quota": ProcessorQuota(processors=1.5, period_s=0.1, frozen_count=0)}, Level.PROBLEM),
    ("cpu_quota", {"quota": ProcessorQuota(processors=4.0, period_s=0.1, frozen_count=0)}, Level.NOTE),
    ("processors", {"usable_cpus": 1}, Level.WARNING),
    ("processors", {"usable_cpus": 2}, Level.NOTE),
    ("smt", {"settings": {"smt": "on"}}, Level.NOTE),
    ("smt", {"settings": {"smt": "on"}, "foreign_load_ratio": 0.2}, Level.WARNING),
    ("aslr", {"settings": {"aslr": "0"}}, Level.WARNING),
    ("transparent_hugepage", {"settings": {"transparent_hugepage": "always"}}, Level.NOTE),
    ("swap", {"swap_used_bytes": 10**9}, Level.WARNING),
    ("sched_autogroup", {"settings": {"sched_autogroup": "1"}, "foreign_load_ratio": 0.2}, Level.NOTE),
    ("virtualisation", {"settings": {"virtualisation": "virtual machine"}, "is_virtual": True}, Level.NOTE),
    ("background_services", {"sleepers": {"snapd": "sudo systemctl stop snapd"}}, Level.NOTE),
    ("clocksource", {"settings": {"clocksource": "hpet"}}, Level.WARNING),
    ("timer", {"timer": Timer(resolution_ns=20, cost_ns=600.0)}, Level.NOTE),
    ("timer", {"timer": Timer(resolution_ns=15_000_000, cost_ns=40.0)}, Level.WARNING),
    ("null_call", {"null_call": NullCall(p50_ns=400.0, p99_ns=900.0)}, Level.NOTE),
    ("null_call", {"null_call": None}, Level.PROBLEM),
]


@pytest.mark.parametrize(("check", "changes", "level"), SPOILT)
def test_a_fault_is_found_with_its_level(check: str, changes: dict[str, Any], level: Level) -> None:
    found = finding(good(**changes), check)
    assert found.level is level
    assert found.what
    assert level is Level.OK or found.why


@pytest.mark.parametrize(("check", "changes", "level"), [one for one in SPOILT if one[2] is not Level.OK])
def test_a_fault_says_how_it_is_mended(check: str, changes: dict[str, Any], level: Level) -> None:
    found = finding(good(**changes), check)
    assert found.remedies or found.advice


def test_every_check_has_a_fault_that_it_finds() -> None:
    found = {check for check, _, level in SPOILT if level is not Level.OK}
    assert len(found) == len(CHECKS)


def test_a_check_is_silent_where_nothing_can_be_read() -> None:
    bare = good(temperature_celsius=None, swap_used_bytes=None)
    for name in ("turbo", "smt", "aslr", "clocksource"):
        assert name not in {found.check for found in diagnosis_of(good(without=name)).findings}
    assert not {"temperature", "swap", "battery", "cpu_quota"} & {found.check for found in diagnosis_of(bare).findings}


def test_remedies_can_be_copied_into_a_shell() -> None:
    remedies = [
        one for _, changes, _ in SPOILT for found in diagnosis_of(good(**changes)).findings for one in found.remedies
    ]
    assert "sudo cpupower frequency-set -g performance" in remedies
    assert "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo" in remedies
    assert not [remedy for remedy in remedies if "#" in remedy or "\n" in remedy]


def test_turbo_of_other_makers_has_another_switch() -> None:
    (remedy,) = finding(good({"turbo": "on", "frequency_driver": "acpi-cpufreq"}), "turbo").remedies
    assert remedy == "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"


def test_busy_services_and_processes_are_stopped_each_by_its_own_command() -> None:
    foreign = (
        hog(pid=11, unit="cups\\x2dbrowsed.service"),
        hog(pid=12),
        hog(pid=13, is_kernel=True),
        hog(pid=14, processors=0.02),
        hog(pid=15, processors=0.5),
    )
    assert check_foreign_load(good(foreign_load_ratio=0.4, foreign=foreign)).remedies == (
        "sudo systemctl stop 'cups\\x2dbrowsed.service'",
        "sudo kill -STOP 12 15",
    )


def test_what_a_process_calls_itself_never_gets_into_a_command() -> None:
    found = check_foreign_load(good(foreign_load_ratio=0.4, foreign=(hog(name="x; rm -rf ~"),)))
    assert "rm -rf" in found.what
    assert not [remedy for remedy in found.remedies if "rm" in remedy]


def test_the_worst_comes_first() -> None:
    levels = [
        found.level for found in diagnosis_of(good({"turbo": "on"}, steal_ratio=0.01, canary_cv_ratio=0.5)).findings
    ]
    assert levels[:3] == [Level.PROBLEM, Level.WARNING, Level.NOTE]


@pytest.mark.parametrize(
    ("machine_class", "words"),
    [
        (MachineClass.DEDICATED, "can both be believed"),
        (MachineClass.SHARED, "absolute times are indicative"),
        (MachineClass.NOISY, "Only differences"),
        (MachineClass.UNSPECIFIED, "cannot be read"),
    ],
)
def test_every_class_says_what_its_numbers_are_worth(machine_class: MachineClass, words: str) -> None:
    assert words in diagnosis_of(good(machine_class=machine_class)).worth
