"""The memory of candidates, against processes whose memory is known."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mltest.agent.host.gpu_memory import process_gpu_bytes, shared_gpu_bytes
from mltest.agent.visit.memory_answer import memory_from_frame
from mltest.agent.worker.first_rows import first_rows
from mltest.agent.worker.memory_marks import control_group_peak_bytes, memory_mark
from mltest.coordinator.tests.footprint import Footprint
from mltest.shared.domain import Result
from mltest.shared.errors import DataMismatchError
from tests.unit.agent.host.machines import write
from tests.unit.coordinator.evidence import evidence, series

MIB = 1024 * 1024


def measured(resident_mib: int = 0, transient_mib: int = 0, leak_bytes: int = 0, step_calls: int = 0) -> dict[str, Any]:
    """Return what a fresh process measures of itself."""
    numbers = map(str, (resident_mib, transient_mib, leak_bytes, step_calls))
    command = [sys.executable, "-m", "tests.unit.agent.footprint_child", *numbers]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    frame: dict[str, Any] = json.loads(done.stdout)
    return frame


def figures(frame: dict[str, Any], statistic: str = "") -> dict[str, Result]:
    """Return what the coordinator makes of it."""
    marks = series("memory_rss_bytes", frame["rss"], calls_per_value=frame["calls_per_mark"])
    values = [series(metric, [value]) for metric, value in frame["values"].items()]
    results = Footprint().results(evidence([[*values, marks]]))
    return {one.metric: one for one in results if one.statistic in (statistic, "median", "value")}


@pytest.mark.parametrize("transient_mib", [40, 10])
def test_a_model_and_its_working_set_are_told_apart(transient_mib: int) -> None:
    # The C library gives 40 MiB back behind each call, and keeps 10 MiB for the next.
    found = measured(resident_mib=96, transient_mib=transient_mib)["values"]

    assert found["memory_model_bytes"] == pytest.approx(96 * MIB, abs=3 * MIB)
    assert found["memory_inference_bytes"] == pytest.approx(transient_mib * MIB, abs=3 * MIB)
    assert found["memory_deploy_peak_bytes"] == pytest.approx(
        memory_of_imports() + (96 + transient_mib) * MIB, rel=0.08
    )
    assert found["memory_swapped_bytes"] == 0


def memory_of_imports() -> int:
    """Return what a process takes that holds and takes nothing."""
    return int(measured()["values"]["memory_deploy_peak_bytes"])


def test_a_leak_is_found_with_its_size() -> None:
    found = figures(measured(leak_bytes=4096))

    growth, leak = found["memory_growth_bytes"], found["memory_leak_ratio"]
    assert growth.value == pytest.approx(4096, rel=0.1)
    assert growth.low is not None
    assert growth.low > 0
    assert leak.value == 1


@pytest.mark.parametrize("step_calls", [0, 150, 300])
def test_what_does_not_leak_is_not_said_to(step_calls: int) -> None:
    # Without a step nothing is kept; with one, a cache of 8 MiB is filled once in the midst of the calls.
    found = figures(measured(transient_mib=1, leak_bytes=8 * MIB if step_calls else 0, step_calls=step_calls))

    assert found["memory_leak_ratio"].value == 0
    assert (found["memory_growth_bytes"].low or 0) <= 0


def test_a_mark_of_this_process_is_plausible() -> None:
    mark = memory_mark()

    assert 0 < mark.pss_bytes <= mark.rss_bytes


def test_memory_that_the_kernel_does_not_tell_is_an_error_and_not_zero(tmp_path: Path) -> None:
    (tmp_path / "smaps_rollup").write_text("[rollup]\n")
    with pytest.raises(OSError, match="no Rss"):
        memory_mark(tmp_path)


GROUP = "sys/fs/cgroup/system.slice/mltest-worker@1.service"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no control group"),
        (
            {f"{GROUP}/cgroup.procs": "7\n8\n", f"{GROUP}/memory.peak": "9\n"},
            "no control group of its own",
        ),
        ({f"{GROUP}/cgroup.procs": "7\n"}, "has no memory.peak"),
    ],
)
def test_the_peak_of_a_control_group_is_absent_with_its_reason(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    if files:
        files = files | {"proc/self/cgroup": "0::/system.slice/mltest-worker@1.service\n"}
    with pytest.raises(OSError, match=reason):
        control_group_peak_bytes(write(tmp_path, files), pid=7)


def test_the_peak_of_a_group_of_its_own_is_read(tmp_path: Path) -> None:
    files = {f"{GROUP}/cgroup.procs": "7\n", f"{GROUP}/memory.peak": "123456\n"}
    root = write(tmp_path, files | {"proc/self/cgroup": "0::/system.slice/mltest-worker@1.service\n"})

    assert control_group_peak_bytes(root, pid=7) == 123456


def test_a_jetson_tells_what_its_gpu_took(tmp_path: Path) -> None:
    assert shared_gpu_bytes(write(tmp_path, {"proc/meminfo": "MemTotal: 9 kB\nNvMapMemUsed:   2048 kB\n"})) == 2 * MIB
    assert shared_gpu_bytes(write(tmp_path / "other", {"proc/meminfo": "MemTotal: 9 kB\n"})) is None
    assert process_gpu_bytes(tmp_path, (os.getpid(),)) is None


def test_the_first_rows_are_those_of_the_dataset(tmp_path: Path) -> None:
    rows = np.arange(600.0).reshape(150, 4)
    np.savez(tmp_path / "plain.npz", X=rows)
    np.savez_compressed(tmp_path / "small.npz", X=rows.astype(np.float32))
    np.savez(tmp_path / "columns.npz", X=np.asfortranarray(rows))

    for name in ("plain", "small", "columns"):
        found = first_rows(tmp_path / f"{name}.npz", 4, 20)
        assert (found == rows[:20]).all()
        assert len(first_rows(tmp_path / f"{name}.npz", 4, 1000)) == 150
    with pytest.raises(DataMismatchError):
        first_rows(tmp_path / "plain.npz", 5, 20)


def test_what_a_forged_answer_says_is_refused() -> None:
    honest = {"started_monotonic_ns": 1, "values": {}, "absent": {}, "rss": [1] * 21, "calls_per_mark": 1}

    assert memory_from_frame(honest).values == {}
    for forged in ({"rss": [1] * 5}, {"values": {"memory_model_bytes": -1}}, {"rss": ["x"] * 21}):
        with pytest.raises((ValueError, TypeError)):
            memory_from_frame(honest | forged)
