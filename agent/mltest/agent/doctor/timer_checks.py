"""Checks of the clock that calls are timed with. Pure."""

from mltest.agent.doctor.finding import Finding, Level
from mltest.agent.doctor.readings import Readings
from mltest.shared.units import seconds_text

_FINE_NS = 100
_COARSE_NS = 1000
_NULL_P50_NS = 150
_NULL_P99_NS = 500
_SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "xen")
"""Reading one of these is a call of the kernel, of half a microsecond and more."""


def check_timer(readings: Readings) -> Finding:
    """Say how fine and how dear the clock is."""
    timer = readings.timer
    resolution, cost = seconds_text(timer.resolution_ns / 1e9), seconds_text(timer.cost_ns / 1e9)
    what = f"The clock has steps of {resolution}, and one reading costs {cost}"
    coarsest_ns = max(timer.resolution_ns, timer.cost_ns)
    if coarsest_ns <= _FINE_NS:
        return Finding(check="timer", level=Level.OK, what=what)
    why = "A call should last a hundred times as long to be timed alone, with percentiles."
    level = Level.NOTE if coarsest_ns <= _COARSE_NS else Level.WARNING
    return Finding(
        check="timer",
        level=level,
        what=what,
        why=why,
        advice="A better clock may be offered by the kernel; shorter calls are timed together, without percentiles.",
        remedies=("cat /sys/devices/system/clocksource/clocksource0/available_clocksource",),
    )


def check_clocksource(readings: Readings) -> Finding | None:
    """Say where the kernel takes its time from."""
    source = readings.settings.get("clocksource")
    if source is None:
        return None
    what = f"The kernel's clock is {source}"
    if source not in _SLOW_CLOCKS:
        return Finding(check="clocksource", level=Level.OK, what=what)
    return Finding(
        check="clocksource",
        level=Level.WARNING,
        what=what,
        why="Each reading is a call of the kernel and takes 0.5-2 µs instead of 0.03 µs; short calls drown in it.",
        advice="If tsc is not offered, start the kernel with tsc=reliable.",
        remedies=("echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource",),
    )


def check_null_call(readings: Readings) -> Finding:
    """Say what a timed call of nothing takes."""
    null = readings.null_call
    if null is None:
        what = "A fresh process for timing could not be started"
        why = "Each candidate is measured in one."
        advice = "What it lacks is told by describing the agent: memory, processes, or its own installation."
        remedies = ("mltest-agent describe", "ulimit -a", "df -h /tmp")
        return Finding(check="null_call", level=Level.PROBLEM, what=what, why=why, advice=advice, remedies=remedies)
    what = (
        f"A timed call of nothing takes {seconds_text(null.p50_ns / 1e9)} in a fresh process"
        f" (p99 {seconds_text(null.p99_ns / 1e9)})"
    )
    if null.p50_ns <= _NULL_P50_NS and null.p99_ns <= _NULL_P99_NS:
        return Finding(check="null_call", level=Level.OK, what=what)
    return Finding(
        check="null_call",
        level=Level.NOTE,
        what=what,
        why=(
            f"{_NULL_P50_NS} ns ({_NULL_P99_NS} ns) are usual. It is the floor of every measurement: stored beside the"
            " samples, and no matter for calls of 10 µs and more."
        ),
        advice="A busy, hot or slow processor raises it; look again when nothing else runs.",
        remedies=("mltest-agent selftest overhead",),
    )
