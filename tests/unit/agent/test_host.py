"""Reading a machine, from the files of several kinds of machine below an injected root."""

from pathlib import Path

import pytest

from mltest.agent.host.cpu import read_cpu
from mltest.agent.host.gpus import gpus_from_query, read_gpus
from mltest.agent.host.machine import read_host
from mltest.shared.domain import Gpu

X86 = """\
processor	: 0
model name	: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz
physical id	: 0
core id		: 0
flags		: fpu sse2 avx2

processor	: 1
model name	: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz
physical id	: 0
core id		: 0
flags		: fpu sse2 avx2
"""
RASPBERRY_PI_64 = """\
processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

processor	: 1
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU part	: 0xd08

Hardware	: BCM2835
Revision	: c03111
Model		: Raspberry Pi 4 Model B Rev 1.1
"""
RASPBERRY_PI_32 = """\
processor	: 0
model name	: ARMv7 Processor rev 3 (v7l)
Features	: half thumb neon vfpv4
CPU implementer	: 0x41
CPU part	: 0xd08

Hardware	: BCM2711
"""
UNKNOWN_ARM = """\
processor	: 0
Features	: fp asimd
CPU implementer	: 0x61
CPU part	: 0x022
"""


def machine(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_an_x86_machine_is_read(tmp_path: Path) -> None:
    cpu = read_cpu(machine(tmp_path, proc__cpuinfo=X86))
    assert cpu.model == "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz"
    assert cpu.features == ("avx2", "fpu", "sse2")
    assert (cpu.logical_cores, cpu.physical_cores) == (2, 1)


def test_a_64_bit_arm_machine_is_named_by_its_core(tmp_path: Path) -> None:
    cpu = read_cpu(machine(tmp_path, proc__cpuinfo=RASPBERRY_PI_64))
    assert cpu.model == "Cortex-A72"
    assert "asimd" in cpu.features
    assert (cpu.logical_cores, cpu.physical_cores) == (2, None)


def test_a_32_bit_arm_machine_is_named_by_its_kernel(tmp_path: Path) -> None:
    cpu = read_cpu(machine(tmp_path, proc__cpuinfo=RASPBERRY_PI_32))
    assert cpu.model == "ARMv7 Processor rev 3 (v7l)"
    assert "neon" in cpu.features


def test_an_unknown_arm_core_is_named_by_its_numbers(tmp_path: Path) -> None:
    assert read_cpu(machine(tmp_path, proc__cpuinfo=UNKNOWN_ARM)).model == "ARM implementer 0x61 part 0x022"


def test_cores_are_counted_by_the_topology_where_the_kernel_has_it(tmp_path: Path) -> None:
    files = {"proc__cpuinfo": RASPBERRY_PI_64}
    for index in range(4):
        folder = f"sys__devices__system__cpu__cpu{index}__topology__"
        files |= {folder + "physical_package_id": "0\n", folder + "core_id": f"{index // 2}\n"}
    assert read_cpu(machine(tmp_path, **files)).physical_cores == 2


def test_a_machine_that_says_nothing_is_still_described(tmp_path: Path) -> None:
    host = read_host(tmp_path)
    assert (host.cpu_model, host.memory_bytes, host.gpus) == ("unknown", 0, ())
    assert host.logical_cores == 1


def test_memory_and_system_are_read(tmp_path: Path) -> None:
    files = {
        "proc__cpuinfo": X86,
        "proc__meminfo": "MemTotal:       16384 kB\nMemFree:  1 kB\n",
        "etc__os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "proc__sys__kernel__osrelease": "6.1.0-rpi7\n",
    }
    host = read_host(machine(tmp_path, **files))
    assert host.memory_bytes == 16 * 1024 * 1024
    assert (host.os, host.kernel) == ("Debian GNU/Linux 12 (bookworm)", "6.1.0-rpi7")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (
            "NVIDIA A100-SXM4-40GB, 40960, 535.104.05\n",
            (Gpu(name="NVIDIA A100-SXM4-40GB", memory_bytes=40960 * 2**20, driver_version="535.104.05"),),
        ),
        ("Orin (nvgpu), [N/A], [N/A]\n", (Gpu(name="Orin (nvgpu)"),)),
        ("NVIDIA-SMI has failed because it could not communicate with the driver.\n", ()),
    ],
)
def test_the_answer_of_nvidia_smi_is_understood(text: str, expected: tuple[Gpu, ...]) -> None:
    assert gpus_from_query(text) == expected


def test_a_gpu_is_found_by_its_driver_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    root = machine(
        tmp_path,
        proc__driver__nvidia__version="NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\n",
        proc__driver__nvidia__gpus__0__information="Model: \t\t NVIDIA GeForce RTX 3060\nIRQ: 5\n",
    )
    assert read_gpus(root) == (Gpu(name="NVIDIA GeForce RTX 3060", driver_version="535.104.05"),)


def test_a_jetson_is_found_by_its_device_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    folder = tmp_path / "proc" / "device-tree"
    folder.mkdir(parents=True)
    (folder / "compatible").write_bytes(b"nvidia,p3737-0000+p3701-0000\0nvidia,tegra234\0")
    (folder / "model").write_bytes(b"NVIDIA Jetson AGX Orin Developer Kit\0")
    assert read_gpus(tmp_path) == (Gpu(name="NVIDIA Jetson AGX Orin Developer Kit (integrated)"),)
