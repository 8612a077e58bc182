"""What a model must not do, tried one after the other in a confined child; each attempt is harmless if it succeeds."""

import ctypes
import mmap
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from mltest.shared.children.frames import Frame

_LIBC = ctypes.CDLL(None, use_errno=True)
_TIMEOUT_S = 2.0
_BLOCK_BYTES = 4 << 20

ESCAPED: list[int] = []
"""Processes that could be started."""


def read_file(target: Frame) -> None:
    """Read a file that nobody granted."""
    Path(target["canary"]).read_bytes()


def write_file(target: Frame) -> None:
    """Make a file next to it."""
    Path(target["canary"]).with_suffix(".written").write_text("written")


def truncate_file(target: Frame) -> None:
    """Truncate it, which needs no opening."""
    os.truncate(target["canary"], 0)


def change_mode(target: Frame) -> None:
    """Change who may read it."""
    Path(target["canary"]).chmod(0o640)


def connect_tcp(target: Frame) -> None:
    """Connect to a listener on this machine."""
    socket.create_connection(("127.0.0.1", target["tcp_port"]), _TIMEOUT_S).close()


def send_udp(target: Frame) -> None:
    """Send a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", target["udp_port"]))


def connect_unix(target: Frame) -> None:
    """Connect to a socket in the abstract namespace, which no file permission guards."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_TIMEOUT_S)
        client.connect("\0" + target["unix_name"])


def signal_parent(target: Frame) -> None:
    """Ask whether the parent could be signalled."""
    os.kill(os.getppid(), 0)


def read_parent(target: Frame) -> None:
    """Open the memory of the parent."""
    Path(f"/proc/{os.getppid()}/mem").open("rb").close()


def trace_parent(target: Frame) -> None:
    """Attach to the parent as a debugger, without stopping it."""
    seize, detach = 0x4206, 17
    if _LIBC.ptrace(seize, os.getppid(), 0, 0) != 0:
        raise PermissionError
    _LIBC.ptrace(detach, os.getppid(), 0, 0)


def take_memory(target: Frame) -> None:
    """Take more private memory than the limit, without touching it."""
    with mmap.mmap(-1, target["memory_bytes"], flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS):
        pass


def share_memory(target: Frame) -> None:
    """Take shared memory, which the limit does not count."""
    with mmap.mmap(-1, _BLOCK_BYTES, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS):
        pass


def write_much(target: Frame) -> None:
    """Write a file that is larger than the limit."""
    with Path("large").open("wb", buffering=0) as stream:
        stream.truncate(target["file_bytes"] + 1)
        stream.seek(target["file_bytes"])
        stream.write(b"x")


def start_process(target: Frame) -> None:
    """Start a process in a session of its own, which outlives whoever started it."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        signal.pause()
        os._exit(0)
    ESCAPED.append(pid)


ATTEMPTS: dict[str, Callable[[Frame], None]] = {
    "reading other files": read_file,
    "writing other files": write_file,
    "truncating other files": truncate_file,
    "changing the mode of other files": change_mode,
    "TCP": connect_tcp,
    "UDP": send_udp,
    "Unix sockets": connect_unix,
    "signals to other processes": signal_parent,
    "reading the memory of other processes": read_parent,
    "tracing other processes": trace_parent,
    "more memory than the limit": take_memory,
    "shared memory": share_memory,
    "larger files than the limit": write_much,
    "starting processes": start_process,
}
"""By the name under which a report says that it was not stopped."""
