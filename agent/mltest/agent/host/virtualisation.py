"""Whether this is a virtual machine or a container, by what the kernel and the firmware say."""

import re
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_text

_VENDORS = {
    "qemu": "KVM",
    "kvm": "KVM",
    "amazon ec2": "Amazon EC2",
    "google compute engine": "Google Compute Engine",
    "vmware": "VMware",
    "innotek": "VirtualBox",
    "virtualbox": "VirtualBox",
    "xen": "Xen",
    "microsoft corporation virtual": "Hyper-V",
    "parallels": "Parallels",
}
"""Words in the names that firmware gives. Microsoft and Google make physical machines too."""
_NAMES = ("sys_vendor", "product_name", "bios_vendor")


def read_virtualisation(root: Path) -> str:
    """Return "virtual machine (KVM)", "container", "none" and the like; an empty text where nothing can be read."""
    kinds = [kind for kind in (_machine(root), _container(root)) if kind]
    if kinds:
        return ", ".join(kinds)
    return "none" if kernel_text(root / "proc/cpuinfo") else ""


def is_virtual_machine(root: Path) -> bool:
    """Return whether a hypervisor is below this kernel."""
    return bool(_machine(root))


def _machine(root: Path) -> str:
    has_flag = re.search(r"^flags\s*:.*\bhypervisor\b", kernel_text(root / "proc/cpuinfo"), re.MULTILINE)
    maker = _maker(root)
    if not has_flag and not maker:
        return ""
    return f"virtual machine ({maker})" if maker else "virtual machine"


def _maker(root: Path) -> str:
    dmi = root / "sys/class/dmi/id"
    words = " ".join(kernel_line(dmi / name) for name in _NAMES).lower()
    if "ec2" in words and "metal" in words:
        return ""
    if kernel_line(root / "sys/hypervisor/type"):
        return kernel_line(root / "sys/hypervisor/type").capitalize()
    named = next((name for word, name in _VENDORS.items() if re.search(rf"\b{word}\b", words)), "")
    if named:
        return named
    clocks = kernel_line(root / "sys/devices/system/clocksource/clocksource0/available_clocksource").split()
    return "KVM" if "kvm-clock" in clocks else "Hyper-V" if "hyperv_clocksource_tsc_page" in clocks else ""


def _container(root: Path) -> str:
    if (root / "run/systemd/container").exists():
        return f"container ({kernel_line(root / 'run/systemd/container') or 'unknown'})"
    if (root / ".dockerenv").exists():
        return "container (docker)"
    if (root / "run/.containerenv").exists():
        return "container (podman)"
    groups = kernel_text(root / "proc/1/cgroup")
    return "container" if re.search(r"/(docker|kubepods|lxc|libpod)", groups) else ""
