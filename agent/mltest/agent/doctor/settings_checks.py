"""Checks of the settings of kernel and processors. Pure."""

from mltest.agent.doctor.finding import Finding, Level
from mltest.agent.doctor.percent import percent_text
from mltest.agent.doctor.readings import Readings
from mltest.agent.host.machine_class import DEDICATED_FOREIGN_RATIO
from mltest.shared.units import bytes_text, seconds_text

_MORE = "Start the agent where it may use more of them; recipes with no more threads than that lose nothing."


def check_quota(readings: Readings) -> Finding | None:
    """Say whether a control group freezes the measurement."""
    quota = readings.quota
    if quota is None:
        return None
    froze = f", and froze it in {readings.quota_frozen_count} periods now" if readings.quota_frozen_count else ""
    is_tight = quota.processors < readings.usable_cpus or bool(readings.quota_frozen_count)
    return Finding(
        check="cpu_quota",
        level=Level.PROBLEM if is_tight else Level.NOTE,
        what=f"A quota allows {quota.processors:g} of {readings.usable_cpus} processors{froze}",
        why=(
            "What is used up early in a period of"
            f" {seconds_text(quota.period_s)} freezes all of its processes until the next one; threads of a candidate"
            " use it up together."
        ),
        advice=(
            "Lift it, or give the group processors of its own (docker: --cpuset-cpus). On the host, for a container and"
            " for a service:"
        ),
        remedies=("docker update --cpu-quota -1 CONTAINER", "sudo systemctl set-property SERVICE CPUQuota="),
    )


def check_processors(readings: Readings) -> Finding:
    """Say how many processors there are for candidate, agent and system."""
    usable, online = readings.usable_cpus, readings.online_cpus
    what = f"{usable} of {online} processors may be used"
    if usable == 1:
        why = "Whatever else runs, the agent and the kernel included, interrupts the candidate that is being timed."
        return Finding(
            check="processors", level=Level.WARNING, what=what, why=why, advice=_MORE, remedies=_remedies(online)
        )
    if usable < online:
        why = "Threads beyond them take turns; recipes with more threads than that only look slow."
        return Finding(
            check="processors", level=Level.NOTE, what=what, why=why, advice=_MORE, remedies=_remedies(online)
        )
    return Finding(check="processors", level=Level.OK, what=what)


def _remedies(online: int) -> tuple[str, ...]:
    return (f"taskset -c 0-{online - 1} mltest-agent serve",) if online > 1 else ()


def check_smt(readings: Readings) -> Finding | None:
    """Say whether processors share cores."""
    smt = readings.settings.get("smt")
    if smt != "on":
        return Finding(check="smt", level=Level.OK, what="No two processors share a core") if smt == "off" else None
    is_loaded = readings.state.foreign_load_ratio >= DEDICATED_FOREIGN_RATIO
    return Finding(
        check="smt",
        level=Level.WARNING if is_loaded else Level.NOTE,
        what="Two processors share each core (SMT)",
        why=(
            "When the sibling works, code with memory and branches takes two to three times as long, plain arithmetic"
            " 4 % more: which candidate wins may depend on it."
        ),
        remedies=("echo off | sudo tee /sys/devices/system/cpu/smt/control",),
    )


def check_aslr(readings: Readings) -> Finding | None:
    """Say whether each process gets another layout of memory, which is what several processes average over."""
    aslr = readings.settings.get("aslr")
    if aslr is None:
        return None
    if aslr == "2":
        return Finding(check="aslr", level=Level.OK, what="Each process gets its own layout of memory (ASLR)")
    return Finding(
        check="aslr",
        level=Level.WARNING,
        what="Every process gets the same layout of memory (ASLR is off)",
        why=(
            "A layout makes a candidate up to 5 % faster or slower; with random ones that is part of the interval, with"
            " one and the same it is a hidden error."
        ),
        remedies=("sudo sysctl kernel.randomize_va_space=2",),
    )


def check_huge_pages(readings: Readings) -> Finding | None:
    """Say whether the kernel changes page sizes by itself."""
    if readings.settings.get("transparent_hugepage") != "always":
        return None
    return Finding(
        check="transparent_hugepage",
        level=Level.NOTE,
        what="The kernel makes huge pages whenever it can",
        why="Large models get faster at a moment that nobody chose, and memory figures grow by up to 2 MB an area.",
        remedies=("echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",),
    )


def check_swap(readings: Readings) -> Finding | None:
    """Say whether memory was swapped out."""
    used_bytes = readings.state.swap_used_bytes
    if not used_bytes:
        return None
    return Finding(
        check="swap",
        level=Level.WARNING,
        what=f"{bytes_text(used_bytes)} are swapped out",
        why="A call that meets such a page waits for the disk: 0.1 ms to 10 ms instead of 0.1 µs.",
        remedies=("sudo swapoff -a", "sudo sysctl vm.swappiness=1"),
    )


def check_autogroup(readings: Readings) -> Finding | None:
    """Say whether priorities mean what they say."""
    foreign_ratio = readings.state.foreign_load_ratio
    if readings.settings.get("sched_autogroup") != "1" or foreign_ratio < DEDICATED_FOREIGN_RATIO:
        return None
    return Finding(
        check="sched_autogroup",
        level=Level.NOTE,
        what=f"Sessions share the processors evenly (autogroup), and others use {percent_text(foreign_ratio)}",
        why="nice and renice have no effect between sessions then.",
        remedies=("sudo sysctl kernel.sched_autogroup_enabled=0",),
    )


def check_virtualisation(readings: Readings) -> Finding | None:
    """Say what is below this system."""
    what = readings.settings.get("virtualisation")
    if not readings.is_virtual or not what:
        return None
    return Finding(
        check="virtualisation",
        level=Level.NOTE,
        what=f"This is a {what}",
        why="Neighbours on the host share its caches, memory and clocks, and only what they take as steal can be seen.",
        advice="Repeat on bare metal what you publish.",
    )
