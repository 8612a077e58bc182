"""What the driver of NVIDIA answers is understood: libraries with its two functions stand in its place."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mltest.agent.host.cuda_driver import cuda_obstacle

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="apt install gcc")


def driver(folder: Path, status: int, count_status: int = 0, count: int = 0) -> str:
    source, library = folder / "driver.c", folder / "libcuda.so.1"
    source.write_text(
        f"int cuInit(unsigned flags) {{ (void)flags; return {status}; }}\n"
        f"int cuDeviceGetCount(int *count) {{ *count = {count}; return {count_status}; }}\n"
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


def test_a_driver_that_cannot_be_loaded_is_no_driver(tmp_path: Path) -> None:
    reason = cuda_obstacle(str(tmp_path / "libcuda.so.1"))
    assert reason.startswith("there is no driver of NVIDIA")
    assert "nvidia-smi" in reason


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((100,), "finds no GPU (cuInit answers 100)"),
        ((304,), "cannot be used (cuInit answers 304)"),
        ((0, 3), "finds no GPU (cuDeviceGetCount answers 3, 0)"),
        ((0, 0, 0), "finds no GPU (cuDeviceGetCount answers 0, 0)"),
    ],
)
def test_a_driver_without_a_gpu_is_told_with_its_status(answers: tuple[int, ...], words: str, tmp_path: Path) -> None:
    reason = cuda_obstacle(driver(tmp_path, *answers))
    assert words in reason
    assert "mltest-worker-gpu.conf" in reason


def test_a_driver_with_a_gpu_is_no_obstacle(tmp_path: Path) -> None:
    assert cuda_obstacle(driver(tmp_path, 0, 0, 2)) == ""
