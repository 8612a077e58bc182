"""Checks of what others take from this machine. Pure."""

import shlex
from collections.abc import Iterable

from mltest.agent.doctor.finding import Finding, Level
from mltest.agent.doctor.percent import percent_text
from mltest.agent.doctor.readings import ForeignProcess, Readings
from mltest.agent.host.machine_class import DEDICATED_CV_RATIO, DEDICATED_FOREIGN_RATIO, SHARED_FOREIGN_RATIO
from mltest.shared.units import seconds_text

_UNEVEN_CV_RATIO = 0.10
_STEAL_RATIO = 0.005
_LOST_RATIO = 0.005
_MUCH_LOST_RATIO = 0.10
_SLICE_NS = 12_500_000


def check_foreign_load(readings: Readings) -> Finding:
    """Say how much other processes use."""
    ratio = readings.state.foreign_load_ratio
    if readings.settings.get("load"):
        why = "Nobody can say then whether times contain the work of others. /proc/stat is hidden or empty here."
        advice = "Measure outside of this container, or mount the real /proc into it."
        what = "The load of the processors cannot be read"
        return Finding(check="foreign_load", level=Level.WARNING, what=what, why=why, advice=advice)
    what = f"Others use {percent_text(ratio)} of the {_processors(readings.usable_cpus)}{_names(readings.foreign)}"
    if ratio < DEDICATED_FOREIGN_RATIO:
        return Finding(check="foreign_load", level=Level.OK, what=what)
    return Finding(
        check="foreign_load",
        level=Level.WARNING if ratio < SHARED_FOREIGN_RATIO else Level.PROBLEM,
        what=what,
        why=(
            "A busy neighbour takes turns on a processor, empties the caches and slows work with memory and branches to"
            " a half or a third; work of plain arithmetic hardly notices. Medians of whole processes then differ by"
            " 15-28 % from one to the next."
        ),
        advice="Stop what can be stopped while you measure; kill -CONT lets a process go on.",
        remedies=_remedies(readings.foreign),
    )


def check_steal(readings: Readings) -> Finding | None:
    """Say how much the hypervisor gives to other machines."""
    ratio = readings.state.steal_ratio
    if not readings.is_virtual and not ratio:
        return None
    what = f"The hypervisor takes {percent_text(ratio)} of the processors for other machines"
    if ratio < _STEAL_RATIO:
        return Finding(check="steal", level=Level.OK, what=what)
    return Finding(
        check="steal",
        level=Level.WARNING if ratio < DEDICATED_FOREIGN_RATIO else Level.PROBLEM,
        what=what,
        why="Stolen time is inside of calls, and nothing in this machine can prevent it.",
        advice="Rent dedicated processors or a bare-metal machine, or have yours pinned on the host.",
    )


def check_canary(readings: Readings) -> Finding:
    """Say how evenly the same work runs."""
    ratio = readings.state.canary_cv_ratio
    what = f"The same piece of work varies by {percent_text(ratio)} (robust coefficient of variation)"
    if ratio < DEDICATED_CV_RATIO:
        return Finding(check="canary", level=Level.OK, what=what)
    return Finding(
        check="canary",
        level=Level.WARNING if ratio < _UNEVEN_CV_RATIO else Level.PROBLEM,
        what=what,
        why=(
            "It is 1 ms of work with memory and branches, before and behind the measurement; on an even ruler it varies"
            f" by less than {percent_text(DEDICATED_CV_RATIO)}. Load, clocks and heat, below or above, are the causes."
        ),
        advice="Mend what else is named here, then look again.",
        remedies=("mltest-agent doctor",),
    )


def check_hiccups(readings: Readings) -> Finding:
    """Say how often a process that wants to run does not."""
    hiccups = readings.hiccups
    what = (
        f"A process that only reads the clock lost {percent_text(hiccups.lost_ratio)} of its time in {hiccups.count}"
        f" gaps above {seconds_text(hiccups.threshold_ns / 1e9)}, the longest {seconds_text(hiccups.largest_ns / 1e9)}"
    )
    if hiccups.lost_ratio < _LOST_RATIO and hiccups.largest_ns < _SLICE_NS:
        return Finding(check="hiccups", level=Level.OK, what=what)
    return Finding(
        check="hiccups",
        level=Level.PROBLEM if hiccups.lost_ratio >= _MUCH_LOST_RATIO else Level.WARNING,
        what=what,
        why=(
            "A gap lands in one call and makes it look slow: medians resist, means and p99 do not. A slice is"
            f" {seconds_text(_SLICE_NS / 1e9)} long."
        ),
        advice="Stop what runs beside, or keep processors for the agent: isolcpus= on the command line of the kernel.",
        remedies=_remedies(readings.foreign) or ("top -b -d 3 -n 2 -o %CPU",),
    )


def check_sleepers(readings: Readings) -> Finding | None:
    """Say which services may start to work in the midst of a measurement."""
    if not readings.sleepers:
        return None
    return Finding(
        check="background_services",
        level=Level.NOTE,
        what=f"{', '.join(readings.sleepers)} may start to work at any time",
        why="Updates and indexing run for minutes, on a processor and on the disk.",
        remedies=tuple(readings.sleepers.values()),
    )


def _names(processes: Iterable[ForeignProcess]) -> str:
    named = [f"{process.name} ({process.processors:.2f})" for process in processes]
    return f"; busiest, in processors: {', '.join(named)}" if named else ""


def _remedies(processes: Iterable[ForeignProcess]) -> tuple[str, ...]:
    """Return commands made of numbers and of names of services only: what a process calls itself is hostile."""
    heavy = [one for one in processes if not one.is_kernel and one.processors >= DEDICATED_FOREIGN_RATIO]
    units = dict.fromkeys(one.unit for one in heavy if one.unit)
    pids = [str(one.pid) for one in heavy if not one.unit]
    stops = (f"sudo systemctl stop {shlex.quote(unit)}" for unit in units)
    return (*stops, *([f"sudo kill -STOP {' '.join(pids)}"] if pids else []))


def _processors(count: int) -> str:
    return "processor" if count == 1 else f"{count} processors"
