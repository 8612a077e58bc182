"""The processor time of a worker unit, on made files of the kernel."""

from pathlib import Path

import pytest

from mltest.agent.launch.unit_time import own_ticks

UNIT = "system.slice/system-mltest\\x2dworker.slice/mltest-worker@3-154-61382.service"
OWN_PID = 7
STAT = "7 (host) S 1 7 7 0 -1 0 0 0 0 0 30 12 5 3 20 0 1 0 0 0 0\n"


def machine(root: Path, cgroup: str, cpu_stat: str | None) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    (root / "proc/7").mkdir()
    (root / "proc/7/stat").write_text(STAT)
    if cpu_stat is not None:
        (root / "sys/fs/cgroup" / UNIT).mkdir(parents=True)
        (root / "sys/fs/cgroup" / UNIT / "cpu.stat").write_text(cpu_stat)
    return root


def test_the_control_group_of_the_unit_counts_everything_in_it(tmp_path: Path) -> None:
    root = machine(tmp_path, f"1:name=systemd:/\n0::/{UNIT}\n", "usage_usec 2500000\nuser_usec 1\n")

    assert own_ticks(root, OWN_PID) == 250


@pytest.mark.parametrize(
    ("cgroup", "cpu_stat"),
    [
        ("0::/user.slice/session-1.scope\n", "usage_usec 2500000\n"),
        (f"0::/{UNIT}\n", None),
        (f"0::/{UNIT}\n", "user_usec 5\n"),
        ("", None),
    ],
)
def test_elsewhere_the_process_and_its_descendants_count(tmp_path: Path, cgroup: str, cpu_stat: str | None) -> None:
    assert own_ticks(machine(tmp_path, cgroup, cpu_stat), OWN_PID) == 30 + 12 + 5 + 3
