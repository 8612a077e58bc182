"""What RAPL has to know of the processor."""

import re
from dataclasses import dataclass
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_text

_AMD = ("AuthenticAMD", "HygonGenuine")
VIRTUAL = "this is a virtual machine: its energy counters stand still, or tell what the host made up"
"""Why RAPL is not read there, although some hypervisors let the kernel see it."""
_SERVER_GAIN_U, _OTHER_GAIN_U = 0.02, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """From /proc/cpuinfo."""

    model: str
    is_amd: bool
    has_sgx: bool

    @property
    def gain_u_ratio(self) -> float:
        """Standard uncertainty of RAPL's scale: servers of Intel measure, others model a large part."""
        return _SERVER_GAIN_U if "Xeon" in self.model else _OTHER_GAIN_U

    @property
    def note(self) -> str:
        """What has to be known of its counters; empty if nothing."""
        if self.has_sgx:
            return "SGX is there: the processor may add noise to its counters, so windows should be long"
        return "modelled more than measured (arXiv 2108.00808)" if self.is_amd else ""


def read_processor(root: Path) -> Processor:
    """Return the processor of the machine whose file system starts at `root`."""
    text = kernel_text(root / "proc/cpuinfo")
    return Processor(
        model=_field(text, "model name") or "unknown processor",
        is_amd=_field(text, "vendor_id") in _AMD,
        has_sgx="sgx" in _field(text, "flags").split(),
    )


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.+?)\s*$", text, re.MULTILINE)
    return found[1] if found else ""
