"""What machine this is and how it is set up, as facts that stay the same until somebody changes something."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_text
from mltest.agent.host.settings import read_settings
from mltest.shared.domain import Fingerprint, HostInfo
from mltest.shared.units import bytes_text

_DIGEST_CHARS = 32
_MEMORY_STEP_BYTES = 256 * 1024 * 1024
"""Kernels keep different parts of the memory for themselves: a new one must not look like new hardware."""
_OF_A_PROCESS = ("usable_cpus", "cpu_quota")
"""Settings of the agent's process, not of the machine."""
_OF_HARDWARE = ("virtualisation", "emulator")


def read_fingerprint(root: Path, host: HostInfo) -> Fingerprint:
    """Return the fingerprint of the machine whose file system starts at `root`, of which `host` is known already."""
    settings = read_settings(root, os.sched_getaffinity(0))
    hardware = _present((*_hardware(root, host), *((name, settings.get(name, "")) for name in _OF_HARDWARE)))
    left_out = {*_OF_A_PROCESS, *_OF_HARDWARE}
    configuration = _present(
        (*_configuration(root, host), *((name, text) for name, text in settings.items() if name not in left_out))
    )
    return Fingerprint(
        hardware_digest=facts_digest(hardware),
        configuration_digest=facts_digest(configuration),
        hardware=hardware,
        configuration=configuration,
    )


def facts_digest(facts: Mapping[str, str]) -> str:
    """Return the first half of the SHA-256 over `facts`, whatever their order is."""
    text = json.dumps(dict(facts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]


def _present(facts: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: text for name, text in sorted(facts) if text}


def _hardware(root: Path, host: HostInfo) -> Iterable[tuple[str, str]]:
    yield "architecture", host.architecture
    yield "cpu", host.cpu_model
    yield "cpu_stepping", _stepping(root)
    yield "cpu_features", hashlib.sha256(" ".join(host.cpu_features).encode()).hexdigest()[:12]
    yield "cores", f"{host.physical_cores or '?'} cores, {host.logical_cores} threads"
    yield "caches", _caches(root)
    yield "memory", bytes_text(round(host.memory_bytes / _MEMORY_STEP_BYTES) * _MEMORY_STEP_BYTES)
    yield "board", _board(root)
    yield (
        "gpu",
        ", ".join(gpu.name + (f" {bytes_text(gpu.memory_bytes)}" if gpu.memory_bytes else "") for gpu in host.gpus),
    )


def _configuration(root: Path, host: HostInfo) -> Iterable[tuple[str, str]]:
    yield "os", host.os
    yield "firmware", _joined(root / "sys/class/dmi/id", ("bios_vendor", "bios_version", "bios_date"))
    yield "gpu_driver", ", ".join(sorted({gpu.driver_version for gpu in host.gpus} - {""}))
    yield "kernel_options", _kernel_options(root)


def _stepping(root: Path) -> str:
    """Return what tells one series of a processor from the next where models are named alike."""
    text = kernel_text(root / "proc/cpuinfo")
    names = ("cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU variant", "CPU revision")
    found = {name: sorted(set(re.findall(rf"^{name}\s*:\s*(\S+)$", text, re.MULTILINE))) for name in names}
    return ", ".join(f"{name} {'/'.join(values)}" for name, values in found.items() if values)


def _caches(root: Path) -> str:
    """Return all caches of the machine: "L1 Data 32K x 2, L2 Unified 1024K x 2"."""
    seen: dict[tuple[str, ...], str] = {}
    for folder in sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cache/index[0-9]*")):
        level, kind, size, shared = (
            kernel_line(folder / name) for name in ("level", "type", "size", "shared_cpu_list")
        )
        if level and size:
            seen[level, kind, size, shared or str(folder)] = f"L{level} {kind} {size}"
    return ", ".join(f"{name} x {count}" for name, count in sorted(Counter(seen.values()).items()))


def _board(root: Path) -> str:
    model = kernel_text(root / "proc/device-tree/model").strip("\0 \n")
    return model or _joined(root / "sys/class/dmi/id", ("sys_vendor", "product_name", "board_vendor", "board_name"))


def _joined(folder: Path, names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(text for name in names if (text := kernel_line(folder / name))))


def _kernel_options(root: Path) -> str:
    """Return what the kernel was started with, less what names disks and differs from start to start."""
    words = kernel_line(root / "proc/cmdline").split()
    passing = ("root=", "BOOT_IMAGE=", "initrd=", "resume=", "virtio_mmio.", "random.", "crashkernel=", "ip=")
    return " ".join(word for word in words if not word.startswith(passing))[:200]
