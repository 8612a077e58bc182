"""Checks of clocks, heat and power. Pure."""

from mltest.agent.doctor.finding import Finding, Level
from mltest.agent.doctor.readings import Readings

_HOT_CELSIUS = 80.0
_EVEN_CLOCK_RATIO = 0.97
_GOVERNOR = "sudo cpupower frequency-set -g performance"


def check_governor(readings: Readings) -> Finding:
    """Say who chooses the clock."""
    governor = readings.settings.get("governor")
    if governor is None:
        return _unreadable_clock(readings)
    what = f"The governor of the clock is {governor}{_clocks(readings)}"
    if governor == "performance":
        return Finding(check="governor", level=Level.OK, what=what)
    return Finding(
        check="governor",
        level=Level.WARNING,
        what=what,
        why=(
            "It lowers the clock when a process waits and raises it some milliseconds after work begins: the first"
            " calls of each slice run at another clock than the last."
        ),
        remedies=(_GOVERNOR,),
    )


def check_turbo(readings: Readings) -> Finding | None:
    """Say whether the clock depends on heat and on neighbours."""
    turbo = readings.settings.get("turbo")
    if turbo is None:
        return None
    if turbo == "off":
        return Finding(check="turbo", level=Level.OK, what="The clock does not go above its base")
    is_intel = readings.settings.get("frequency_driver", "").startswith("intel")
    remedy = (
        "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
        if is_intel
        else "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
    )
    return Finding(
        check="turbo",
        level=Level.NOTE,
        what="Turbo is on",
        why=(
            "The clock above base depends on heat and on how many cores work, often by 10-40 %. Ratios do not care;"
            " absolute times fall in the first seconds of a cold machine. Switch it off for times to publish, and leave"
            " it on where your users have it on."
        ),
        remedies=(remedy,),
    )


def check_throttling(readings: Readings) -> Finding | None:
    """Say whether the machine slows itself down."""
    count, since = readings.state.throttled_slice_count, readings.throttled_since_start
    if count:
        return Finding(
            check="throttling",
            level=Level.PROBLEM,
            what=f"The processor was throttled while it was measured ({count} times)",
            why="Slices that run meanwhile are kept but not used; if all do, nothing is left to compare.",
            advice="Cool it, clean its fans, or give it a stronger power supply.",
        )
    if since:
        return Finding(
            check="throttling",
            level=Level.NOTE,
            what=f"The processor was throttled since this machine started: {since[0]}",
            why="Under load it may come again.",
            advice="See to its cooling and its power supply.",
        )
    return None


def check_temperature(readings: Readings) -> Finding | None:
    """Say how hot it is."""
    celsius = readings.state.temperature_celsius
    if celsius is None:
        return None
    what = f"The hottest sensor of the processor shows {celsius:.0f} °C"
    if celsius < _HOT_CELSIUS:
        return Finding(check="temperature", level=Level.OK, what=what)
    why = f"From about {_HOT_CELSIUS:.0f} °C on, small boards lower their clock; laptops follow at 95 °C."
    advice = "Let it cool, or cool it better."
    return Finding(check="temperature", level=Level.WARNING, what=what, why=why, advice=advice)


def check_battery(readings: Readings) -> Finding | None:
    """Say whether a laptop saves its battery."""
    if not readings.is_on_battery:
        return None
    what, why = "It runs on its battery", "Firmware limits power and clocks then."
    advice = "Connect it to the mains."
    return Finding(check="battery", level=Level.WARNING, what=what, why=why, advice=advice)


def _unreadable_clock(readings: Readings) -> Finding:
    suffix = ", since this is a virtual machine" if readings.is_virtual else ""
    what = f"The clock of the processors cannot be read{suffix}"
    why = "Whether it changed during a measurement is unknown; the canary shows it only from some per cent on."
    if readings.is_virtual:
        advice = f"Where you rule the host, run there: {_GOVERNOR}"
        return Finding(check="governor", level=Level.NOTE, what=what, why=why, advice=advice)
    return Finding(
        check="governor",
        level=Level.NOTE,
        what=what,
        why=why,
        advice="A kernel module may offer it; on x86 the firmware may hide it.",
        remedies=("sudo modprobe acpi_cpufreq",),
    )


def _clocks(readings: Readings) -> str:
    lowest, highest = readings.state.frequency_min_hz, readings.state.frequency_max_hz
    if lowest is None or highest is None:
        return ""
    if lowest > _EVEN_CLOCK_RATIO * highest:
        return f", at {highest / 1e9:.2f} GHz"
    return f", seen from {lowest / 1e9:.2f} to {highest / 1e9:.2f} GHz"
