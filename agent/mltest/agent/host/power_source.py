"""Where the machine's power comes from."""

from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_number


def is_on_battery(root: Path) -> bool | None:
    """Return whether no mains supply is connected; None for a machine without one that can be read.

    Source: ABI/testing/sysfs-class-power of the Linux kernel.
    """
    mains = [
        kernel_number(supply / "online")
        for supply in (root / "sys/class/power_supply").glob("*")
        if kernel_line(supply / "type") == "Mains"
    ]
    known = [online for online in mains if online is not None]
    return not any(known) if known else None
