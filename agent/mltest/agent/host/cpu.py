"""The CPU, from /proc/cpuinfo, whose keys differ between architectures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_text

# arch/arm64/include/asm/cputype.h of the Linux kernel: (implementer, part) of cores that machines of a fleet have.
_ARM_CORES = {
    ("0x41", "0xc07"): "Cortex-A7",
    ("0x41", "0xc0f"): "Cortex-A15",
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x4e", "0x003"): "NVIDIA Denver 2",
    ("0x4e", "0x004"): "NVIDIA Carmel",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """What the kernel says of the CPU."""

    model: str
    """"unknown" where it does not say."""
    features: tuple[str, ...]
    """Sorted."""
    physical_cores: int | None
    """None where it does not say."""
    logical_cores: int


def read_cpu(root: Path) -> Cpu:
    """Return the CPU of the machine whose file system starts at `root`."""
    processors = _processors(kernel_text(root / "proc/cpuinfo"))
    merged: dict[str, str] = {}
    for processor in processors:
        merged = processor | merged
    features = merged.get("flags") or merged.get("Features") or ""
    return Cpu(
        model=_model(merged),
        features=tuple(sorted(set(features.split()))),
        physical_cores=_physical_cores(root, processors),
        logical_cores=max(1, sum("processor" in processor for processor in processors)),
    )


def _processors(text: str) -> list[dict[str, str]]:
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return [
        {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())}
        for block in blocks
    ]


def _model(merged: Mapping[str, str]) -> str:
    named = merged.get("model name") or merged.get("Processor") or merged.get("cpu model")
    if named:
        return named
    implementer, part = merged.get("CPU implementer", "").lower(), merged.get("CPU part", "").lower()
    if not part:
        return merged.get("Hardware") or "unknown"
    return _ARM_CORES.get((implementer, part), f"ARM implementer {implementer} part {part}")


def _physical_cores(root: Path, processors: list[dict[str, str]]) -> int | None:
    topology = {
        (kernel_text(folder / "physical_package_id").strip(), kernel_text(folder / "core_id").strip())
        for folder in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/topology")
    } - {("", "")}
    listed = {
        (entry["physical id"], entry["core id"]) for entry in processors if {"physical id", "core id"} <= {*entry}
    }
    return len(topology) or len(listed) or None
