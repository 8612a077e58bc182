"""All checks, and what numbers from this machine are worth. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from mltest.agent.doctor import clock_checks, load_checks, settings_checks, timer_checks
from mltest.agent.doctor.finding import Finding, Level
from mltest.agent.doctor.percent import percent_text
from mltest.agent.doctor.readings import Readings
from mltest.shared.domain import MachineClass

CHECKS: tuple[Callable[[Readings], Finding | None], ...] = (
    load_checks.check_foreign_load,
    load_checks.check_steal,
    load_checks.check_canary,
    load_checks.check_hiccups,
    settings_checks.check_quota,
    clock_checks.check_throttling,
    clock_checks.check_governor,
    clock_checks.check_turbo,
    clock_checks.check_temperature,
    clock_checks.check_battery,
    settings_checks.check_smt,
    settings_checks.check_processors,
    settings_checks.check_virtualisation,
    settings_checks.check_aslr,
    settings_checks.check_huge_pages,
    settings_checks.check_swap,
    settings_checks.check_autogroup,
    load_checks.check_sleepers,
    timer_checks.check_clocksource,
    timer_checks.check_timer,
    timer_checks.check_null_call,
)

_WORTH = {
    MachineClass.DEDICATED: "Absolute times and differences between candidates can both be believed.",
    MachineClass.SHARED: "Differences between candidates can be believed; absolute times are indicative.",
    MachineClass.NOISY: "Only differences between candidates can be believed; absolute times say more of the others.",
    MachineClass.EMULATED: "A program plays the processor: nothing that is timed here is of such a machine.",
    MachineClass.UNSPECIFIED: (
        "Differences between candidates can be believed; take absolute times as indicative, since it cannot be read"
        " what others do."
    ),
}
_NAMES = {MachineClass.UNSPECIFIED: "unknown"}
_ORDER = (Level.PROBLEM, Level.WARNING, Level.NOTE, Level.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is to be said of a machine."""

    machine_class: MachineClass
    worth: str
    """What numbers from it are worth; one or two sentences."""
    findings: tuple[Finding, ...]
    """Worst first."""


def diagnosis_of(readings: Readings) -> Diagnosis:
    """Return what all checks say of the readings."""
    findings = [finding for check in CHECKS if (finding := check(readings)) is not None]
    return Diagnosis(
        machine_class=readings.state.machine_class,
        worth=f"{_WORTH[readings.state.machine_class]} {_figures(readings)}",
        findings=tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.level))),
    )


def class_name(machine_class: MachineClass) -> str:
    """Return the name of a class for people."""
    return _NAMES.get(machine_class, machine_class.value)


def _figures(readings: Readings) -> str:
    state = readings.state
    canary = f"the same work varied by {percent_text(state.canary_cv_ratio)}"
    if state.machine_class is MachineClass.UNSPECIFIED:
        return f"Here {canary}."
    taken = percent_text(state.foreign_load_ratio + state.steal_ratio)
    return f"Now others took {taken} of the processors, and {canary}."
