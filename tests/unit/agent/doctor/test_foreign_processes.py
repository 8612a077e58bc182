"""What the doctor sees of other processes where a container hides a part of /proc."""

import os
from pathlib import Path

import psutil
import pytest

from mltest.agent.doctor.foreign_processes import busiest_between, read_process_times, sleepers_among


@pytest.fixture
def proc_without_stat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc with this process and its parent, and an empty /proc/stat."""
    for pid in (os.getpid(), os.getppid()):
        (tmp_path / str(pid)).symlink_to(f"/proc/{pid}")
    (tmp_path / "stat").write_text("")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))


@pytest.mark.usefixtures("proc_without_stat")
def test_a_hidden_proc_stat_leaves_other_processes_unknown_and_is_not_fatal() -> None:
    times = read_process_times()

    assert busiest_between(times, times) == ()
    assert sleepers_among(times) == {}
