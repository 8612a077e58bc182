"""A Raspberry Pi: which it is, and what its firmware says where the kernel does not pass it on."""

import re
import subprocess
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line

_PROGRAM = "usr/bin/vcgencmd"
_TIMEOUT_S = 2.0


def raspberry_pi_model(root: Path) -> str:
    """Return which board it is; empty if it is no Raspberry Pi."""
    model = kernel_line(root / "proc/device-tree/model").strip("\0 ")
    return model if model.startswith("Raspberry Pi") else ""


def find_firmware_program(root: Path) -> Path | None:
    """Return the program that asks the firmware, of the machine below `root`; None where there is no such board."""
    program = root / _PROGRAM
    return program if raspberry_pi_model(root) and program.is_file() else None


def firmware_bits(program: Path) -> int | None:
    """Return what `get_throttled` says, see `throttling`; None where it does not answer.

    It opens /dev/vcio, which the group video may. Source: raspberrypi.com, documentation of vcgencmd.
    """
    try:
        done = subprocess.run(
            [program, "get_throttled"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.fullmatch(rb"throttled=(0x[0-9a-fA-F]{1,8})", done.stdout.strip())
    return int(found.group(1), 16) if found else None
