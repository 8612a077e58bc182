"""Tells systemd how a service does: sd_notify(3), without a library. Nothing happens outside of systemd."""

import asyncio
import os
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"
_WATCHDOG = "WATCHDOG=1"


def notify(state: str) -> None:
    """Send `state` to the socket that systemd named, if it did."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # unix(7): a name in the abstract namespace starts with a zero byte; systemd writes it as @.
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(target)
        channel.sendall(state.encode())


def watchdog_interval_s() -> float | None:
    """Return half of the time within which systemd wants to hear from this process; None if it does not."""
    is_for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    limit_us = os.environ.get("WATCHDOG_USEC", "")
    return int(limit_us) / 2e6 if limit_us.isdigit() and int(limit_us) > 0 and is_for_us else None


async def feed_watchdog() -> None:
    """Tell systemd that the event loop lives, for as long as it does; returns at once without a watchdog."""
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        notify(_WATCHDOG)
        await asyncio.sleep(interval_s)
