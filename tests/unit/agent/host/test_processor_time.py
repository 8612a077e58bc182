"""Shares of the processors' time."""

import os
from pathlib import Path

import psutil
import pytest

from mltest.agent.host.processor_time import ProcessorTime, load_between, read_processor_time
from tests.unit.agent.host.machines import process_stat, stat, write


def reading(root: Path, *, cpus: tuple[int, ...] = (0, 1), pids: tuple[int, ...] = (10,)) -> ProcessorTime:
    found = read_processor_time(root, cpus, pids)
    assert found is not None
    return found


def test_what_is_neither_idle_nor_ours_nor_stolen_is_foreign(tmp_path: Path) -> None:
    write(tmp_path, {"proc/stat": stat(busy=0, idle=1), "proc/10/stat": process_stat(10, 1, (0, 0, 0, 0))})
    before = reading(tmp_path)
    # In 100 ticks of 2 processors: 120 busy, of which 70 are ours; 10 stolen; 70 idle.
    write(tmp_path, {"proc/stat": stat(busy=60, idle=36, steal=5), "proc/10/stat": process_stat(10, 1, (50, 20, 0, 0))})
    load = load_between(before, reading(tmp_path))
    assert load is not None
    assert load.own_ratio == pytest.approx(70 / 200)
    assert load.foreign_ratio == pytest.approx(50 / 200)
    assert load.steal_ratio == pytest.approx(10 / 200)


def test_descendants_of_a_worker_are_ours_whether_they_live_or_were_waited_for(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/stat": stat(busy=100, idle=100),
            "proc/10/stat": process_stat(10, 1, (1, 2, 30, 40)),
            "proc/11/stat": process_stat(11, 10, (100, 0, 0, 0), command="a) b (c"),
            "proc/12/stat": process_stat(12, 11, (1000, 0, 0, 0)),
            "proc/13/stat": process_stat(13, 1, (10_000, 0, 0, 0)),
        },
    )
    assert reading(tmp_path).own_ticks == 1173


def test_only_the_processors_that_we_may_use_count(tmp_path: Path) -> None:
    lines = ["cpu  100 0 0 100 0 0 0 0", "cpu0 90 0 0 10 0 0 0 0", "cpu1 10 0 0 90 0 0 0 0"]
    write(tmp_path, {"proc/stat": "\n".join(lines)})
    assert reading(tmp_path, cpus=(1,)).busy_ticks == 10
    assert reading(tmp_path, cpus=(1, 7)).busy_ticks == 100


def test_guests_are_not_counted_twice_and_waiting_for_a_disk_is_idle(tmp_path: Path) -> None:
    write(tmp_path, {"proc/stat": "cpu 10 1 2 100 50 3 4 0 10 1\ncpu0 10 1 2 100 50 3 4 0 10 1\n"})
    found = reading(tmp_path, cpus=(0,))
    assert (found.busy_ticks, found.total_ticks) == (20, 170)


@pytest.mark.parametrize("text", ["", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n", "nonsense\n"])
def test_a_kernel_that_does_not_tell_has_no_load(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"proc/stat": text})
    assert read_processor_time(tmp_path, (0,), (10,)) is None


def test_two_readings_within_one_tick_tell_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"proc/stat": stat(busy=1, idle=1)})
    assert load_between(reading(tmp_path), reading(tmp_path)) is None
    assert load_between(None, reading(tmp_path)) is None


def test_ticks_of_this_process_agree_with_psutil() -> None:
    seen = psutil.Process().cpu_times()
    found = reading(Path("/"), cpus=tuple(os.sched_getaffinity(0)), pids=(os.getpid(),))
    expected_s = seen.user + seen.system + seen.children_user + seen.children_system
    assert found.own_ticks / os.sysconf("SC_CLK_TCK") >= expected_s - 0.05
