"""Readings of a machine without fault, to be spoilt one by one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mltest.agent.doctor.readings import ForeignProcess, Hiccups, NullCall, Readings, Timer
from mltest.shared.domain import MachineClass, MachineState

SETTINGS = {
    "governor": "performance",
    "frequency_driver": "intel_pstate",
    "turbo": "off",
    "clocksource": "tsc",
    "aslr": "2",
    "sched_autogroup": "0",
    "transparent_hugepage": "madvise",
    "smt": "off",
    "virtualisation": "none",
}


def good(settings: Mapping[str, str] | None = None, *, without: str = "", **changes: Any) -> Readings:
    """Return readings with the fields of `changes`, of the state or of the readings, in place of good ones."""
    merged = {name: text for name, text in (SETTINGS | dict(settings or {})).items() if name != without}
    of_state = {name: value for name, value in changes.items() if name in MachineState.__dataclass_fields__}
    state = MachineState(
        machine_class=MachineClass.DEDICATED,
        foreign_load_ratio=0.003,
        steal_ratio=0.0,
        canary_cv_ratio=0.008,
        temperature_celsius=50.0,
        frequency_min_hz=2.39e9,
        frequency_max_hz=2.4e9,
        settings=merged,
    )
    readings = Readings(
        state=replace(state, **of_state),
        usable_cpus=4,
        online_cpus=4,
        hiccups=hiccups(lost_ns=1_000_000, largest_ns=40_000),
        timer=Timer(resolution_ns=20, cost_ns=35.0),
        null_call=NullCall(p50_ns=70.0, p99_ns=120.0),
        foreign=(),
        sleepers={},
        quota=None,
        quota_frozen_count=None,
        throttled_since_start=(),
        is_on_battery=None,
        is_virtual=False,
    )
    return replace(readings, **{name: value for name, value in changes.items() if name not in of_state})


def hiccups(*, lost_ns: int, largest_ns: int) -> Hiccups:
    return Hiccups(span_ns=3_000_000_000, threshold_ns=10_000, count=7, largest_ns=largest_ns, lost_ns=lost_ns)


def hog(**changes: Any) -> ForeignProcess:
    process = ForeignProcess(pid=123, name="hog", user="ann", unit="", is_kernel=False, processors=0.97)
    return replace(process, **changes)
