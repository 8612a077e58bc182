"""Takes all readings of this machine; takes as long as the hiccup meter runs, and a second."""

import os
from pathlib import Path

from mltest.agent.doctor.foreign_processes import busiest_between, read_process_times, sleepers_among
from mltest.agent.doctor.hiccups import measured_hiccups
from mltest.agent.doctor.readings import Readings
from mltest.agent.doctor.timer import measured_null_call, measured_timer
from mltest.agent.host.kernel_file import kernel_line
from mltest.agent.host.machine_watch import MachineWatch
from mltest.agent.host.power_source import is_on_battery
from mltest.agent.host.processor_quota import ProcessorQuota, read_processor_quota
from mltest.agent.host.settings import processor_count
from mltest.agent.host.throttling import find_signs, throttled_since_start
from mltest.agent.host.virtualisation import is_virtual_machine


def taken_readings(span_s: float, root: Path = Path("/")) -> Readings:
    """Return the readings of the machine whose file system starts at `root`; measures for `span_s`."""
    watch = MachineWatch(root)
    before, quota_before = read_process_times(), read_processor_quota(root)
    watch.begin(())
    hiccups = measured_hiccups(round(span_s * 1e9), watch.after_slice)
    state = watch.end(())
    after, quota = read_process_times(), read_processor_quota(root)
    usable = len(os.sched_getaffinity(0))
    return Readings(
        state=state,
        usable_cpus=usable,
        online_cpus=_online_cpus(root) or usable,
        hiccups=hiccups,
        timer=measured_timer(),
        null_call=measured_null_call(),
        foreign=busiest_between(before, after),
        sleepers=sleepers_among(after),
        quota=quota,
        quota_frozen_count=_frozen_count(quota_before, quota),
        throttled_since_start=throttled_since_start(find_signs(root)),
        is_on_battery=is_on_battery(root),
        is_virtual=is_virtual_machine(root),
    )


def _online_cpus(root: Path) -> int:
    try:
        return processor_count(kernel_line(root / "sys/devices/system/cpu/online"))
    except ValueError:
        return 0


def _frozen_count(before: ProcessorQuota | None, after: ProcessorQuota | None) -> int | None:
    counts = [quota.frozen_count for quota in (before, after) if quota and quota.frozen_count is not None]
    return max(0, counts[1] - counts[0]) if len(counts) == 2 else None
