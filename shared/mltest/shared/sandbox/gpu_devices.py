"""What a confined child needs beside its libraries to compute on a GPU of NVIDIA.

Nothing here was run with a GPU. It is what others found who put CUDA behind Landlock and seccomp: device files that are
opened to read and write, the driver's own files in /proc, and the names of threads, which the driver sets since its
version 570 and without which cuInit ends with status 304. Source: NVIDIA/OpenShell, pull requests 710 and 1702;
nolabs-ai/nono, pull requests 652 and 673. Jetson: the device files of NVIDIA's Tegra Linux.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from mltest.shared.sandbox.landlock_rules import Grant

_DEVICES = (
    *("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps/*"),
    *("nvmap", "nvhost-*", "nvgpu/*/*", "dri/renderD*"),
)
"""Below /dev; those of a Jetson in the second line."""
_READ = (
    *("/proc/driver/nvidia", "/proc/driver/nvidia-uvm", "/proc/devices", "/proc/modules", "/sys/module/nvidia"),
    *("/proc/device-tree", "/sys/firmware/devicetree", "/sys/devices/soc0", "/sys/devices/platform"),
)
"""The driver's version and parameters, and which board it is."""


def gpu_grants(root: Path = Path("/")) -> dict[str, Grant]:
    """Return what a child of the machine at `root` may do beside everything else, to compute on a GPU."""
    found = dict.fromkeys(map(str, _devices(root / "dev")), Grant.COMPUTE)
    found |= dict.fromkeys(_READ, Grant.READ)
    return found | {f"/proc/{os.getpid()}/task": Grant.RENAME}


def _devices(folder: Path) -> Iterator[Path]:
    for pattern in _DEVICES:
        yield from sorted(folder.glob(pattern))
