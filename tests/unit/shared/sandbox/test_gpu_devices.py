"""What a worker that computes on a GPU may do beside the others, on a machine without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mltest.shared.sandbox.gpu_devices import gpu_grants
from mltest.shared.sandbox.landlock import landlock_version
from mltest.shared.sandbox.landlock_rules import Grant
from mltest.shared.sandbox.limits import ChildLimits, Confinement, limits_from_argument, limits_to_argument

CARD = (
    "nvidia0",
    "nvidia1",
    "nvidiactl",
    "nvidia-uvm",
    "nvidia-uvm-tools",
    "nvidia-modeset",
    "nvidia-caps/nvidia-cap1",
)
JETSON = ("nvmap", "nvhost-ctrl-gpu", "nvgpu/igpu0/ctrl", "dri/renderD128")
OTHERS = ("sda", "mem", "kmsg", "tty", "null", "nvme0", "nvram", "dri/card0", "fuse", "kvm", "video0")

ATTEMPTS = """
import ctypes, os, socket, sys, threading
from pathlib import Path
from mltest.shared.sandbox.confine import confine
from mltest.shared.sandbox.limits import limits_from_argument
confine(limits_from_argument(sys.argv[1]), os.getppid())

def tried(what, attempt):
    try:
        attempt()
        print(what)
    except OSError:
        pass

def rename():
    set_name(f"/proc/self/task/{threading.get_native_id()}/comm")

def set_name(path):
    # As pthread_setname_np of the C library does it, and as fopen does.
    for flags in (os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
        opened = os.open(path, flags)
        os.write(opened, b"cuda-EvtHandlr")
        os.close(opened)

tried("names its threads", rename)
thread = threading.Thread(target=lambda: tried("names another thread", rename))
thread.start()
thread.join()
tried("has memory in a file", lambda: os.close(os.memfd_create("driver")))
tried("has a socket", socket.socket)
tried("names its parent", lambda: set_name(f"/proc/{os.getppid()}/task/{os.getppid()}/comm"))
tried("writes elsewhere", lambda: Path("/tmp/mltest-gpu-test").write_text(""))
tried("reads elsewhere", lambda: Path("/etc/passwd").read_text())
tried("starts a process", os.fork)
"""
OF_A_GPU = ["names its threads", "names another thread", "has memory in a file"]


def test_every_device_file_of_a_gpu_is_granted_and_no_other(tmp_path: Path) -> None:
    for name in (*CARD, *JETSON, *OTHERS):
        path = tmp_path / "dev" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = {path for path, grant in gpu_grants(tmp_path).items() if grant is Grant.COMPUTE}
    assert found == {str(tmp_path / "dev" / name) for name in (*CARD, *JETSON)}


def test_beside_devices_a_gpu_needs_nothing_written_but_names_of_threads(tmp_path: Path) -> None:
    writable = {path: grant for path, grant in gpu_grants(tmp_path).items() if grant is not Grant.READ}
    assert writable == {f"/proc/{os.getpid()}/task": Grant.RENAME}


@pytest.mark.parametrize("uses_gpu", [False, True])
def test_a_worker_with_a_gpu_does_what_its_driver_does_and_nothing_else(tmp_path: Path, uses_gpu: bool) -> None:
    if not landlock_version():
        pytest.skip("this kernel has no Landlock; run the tests on Linux 5.13 or later with lsm=landlock")
    limits = ChildLimits(confinement=Confinement.MODEL, uses_gpu=uses_gpu)
    command = [sys.executable, "-c", ATTEMPTS, limits_to_argument(limits)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == (OF_A_GPU if uses_gpu else [])


def test_limits_of_a_gpu_arrive_at_the_child() -> None:
    limits = ChildLimits(confinement=Confinement.MODEL, uses_gpu=True)
    assert limits_from_argument(limits_to_argument(limits)) == limits
    assert not limits_from_argument("{}").uses_gpu
