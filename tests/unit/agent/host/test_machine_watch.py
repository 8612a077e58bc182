"""The watch over a machine, on files of several kinds of machine."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from mltest.agent.host.machine_watch import MachineWatch
from mltest.shared.domain import MachineClass
from tests.unit.agent.host.machines import (
    CPU,
    bare_metal,
    container,
    process_stat,
    raspberry_pi,
    stat,
    virtual_machine,
    write,
)

OWN_PID = 10


def even() -> Sequence[int]:
    return [1_000_000, 1_001_000] * 10


def watched(root: Path) -> MachineWatch:
    write(root, {f"proc/{OWN_PID}/stat": process_stat(OWN_PID, 1, (0, 0, 0, 0))})
    watch = MachineWatch(root, cpus=(0, 1), own_pid=OWN_PID, prepare_canary=lambda: even, affordable_ns=10**12)
    watch.begin(())
    return watch


def test_a_quiet_machine_is_dedicated(tmp_path: Path) -> None:
    watch = watched(bare_metal(tmp_path))
    write(tmp_path, {"proc/stat": stat(busy=150, idle=150), "proc/10/stat": process_stat(10, 1, (99, 0, 0, 0))})
    state = watch.end(())
    assert state.machine_class is MachineClass.DEDICATED
    assert state.foreign_load_ratio == pytest.approx(0.005)
    assert state.canary_cv_ratio < 0.02
    assert state.temperature_celsius == 64.0
    assert (state.frequency_min_hz, state.frequency_max_hz) == (1.2e9, 3.3e9)
    assert state.settings["governor"] == "powersave"
    assert state.throttled_slice_count == 0


def test_the_time_of_workers_that_live_and_that_ended_is_ours(tmp_path: Path) -> None:
    root = virtual_machine(tmp_path)
    write(root, {f"proc/{pid}/stat": process_stat(pid, 1, (5, 0, 0, 0)) for pid in (OWN_PID, 20, 21)})
    watch = MachineWatch(root, cpus=(0, 1), own_pid=OWN_PID, prepare_canary=lambda: even)
    watch.begin((20, 21))
    # Worker 21 had used 45 when it ended; this process has waited for it.
    (root / "proc/21/stat").unlink()
    write(
        root,
        {
            "proc/stat": stat(busy=150, idle=150),
            f"proc/{OWN_PID}/stat": process_stat(OWN_PID, 1, (15, 0, 45, 0)),
            "proc/20/stat": process_stat(20, 1, (55, 0, 0, 0)),
        },
    )
    assert watch.end((20,)).foreign_load_ratio == 0.0


def test_a_machine_that_others_use_is_noisy(tmp_path: Path) -> None:
    watch = watched(container(tmp_path))
    write(tmp_path, {"proc/stat": stat(busy=190, idle=110), "proc/10/stat": process_stat(10, 1, (70, 0, 0, 0))})
    state = watch.end(())
    assert state.foreign_load_ratio == pytest.approx(0.55)
    assert state.machine_class is MachineClass.NOISY


def test_stolen_time_is_taken_by_others_too(tmp_path: Path) -> None:
    watch = watched(virtual_machine(tmp_path))
    write(tmp_path, {"proc/stat": stat(busy=100, idle=180, steal=20)})
    state = watch.end(())
    assert state.steal_ratio == pytest.approx(0.2)
    assert state.machine_class is MachineClass.SHARED
    assert state.frequency_min_hz is None


def test_throttled_slices_are_counted(tmp_path: Path) -> None:
    watch = watched(raspberry_pi(tmp_path))
    assert not watch.after_slice()
    write(tmp_path, {"sys/devices/platform/soc/soc:firmware/get_throttled": "50002\n"})
    assert [watch.after_slice(), watch.after_slice()] == [True, True]
    assert watch.end(()).throttled_slice_count == 2


def test_a_counter_that_went_away_is_not_fatal(tmp_path: Path) -> None:
    watch = watched(bare_metal(tmp_path))
    (tmp_path / CPU / "cpu0/thermal_throttle/core_throttle_count").unlink()
    assert not watch.after_slice()


def test_a_machine_that_tells_nothing_has_no_class(tmp_path: Path) -> None:
    watch = MachineWatch(tmp_path, cpus=(0,), prepare_canary=lambda: even)
    watch.begin(())
    assert not watch.after_slice()
    state = watch.end(())
    assert state.machine_class is MachineClass.UNSPECIFIED
    assert state.settings["load"] == "cannot be read"


def test_an_end_needs_a_begin() -> None:
    with pytest.raises(ValueError, match="not begun"):
        MachineWatch().end(())


def test_this_machine_can_be_watched() -> None:
    watch = MachineWatch()
    watch.begin((os.getpid(),))
    watch.after_slice()
    state = watch.end((os.getpid(),))
    assert 0 <= state.foreign_load_ratio <= 1
    assert state.canary_cv_ratio > 0
