"""perf_event_open(2), which Python does not have: counting events of a whole processor."""

import ctypes
import os
import struct
from dataclasses import dataclass

_SYSCALL = {"x86_64": 298, "aarch64": 241}
"""Source: Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h."""
_ATTRIBUTE_BYTES = 128
_CLOSE_ON_EXEC = 1 << 3
_EVERY_PROCESS = -1
_NO_GROUP = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfEvent:
    """What is counted, where."""

    type: int
    """Number of the PMU."""
    config: int
    cpu: int


def open_event(event: PerfEvent, pid: int = _EVERY_PROCESS) -> int:
    """Return a descriptor whose 8 bytes are the count so far.

    Raises:
        OSError: the kernel does not allow it, or has no such event.

    """
    number = _SYSCALL.get(os.uname().machine)
    if number is None:
        raise OSError(f"no events are opened on {os.uname().machine}")
    # struct perf_event_attr: u32 type, u32 size, u64 config; the rest is 0.
    attribute = ctypes.create_string_buffer(
        struct.pack("=IIQ", event.type, _ATTRIBUTE_BYTES, event.config), _ATTRIBUTE_BYTES
    )
    call = ctypes.CDLL(None, use_errno=True).syscall
    descriptor: int = call(
        ctypes.c_long(number),
        attribute,
        ctypes.c_int(pid),
        ctypes.c_int(event.cpu),
        _NO_GROUP,
        ctypes.c_ulong(_CLOSE_ON_EXEC),
    )
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return descriptor


def read_event(descriptor: int) -> int:
    """Return the count so far.

    Raises:
        OSError: it cannot be read.

    """
    content = os.read(descriptor, 8)
    if len(content) != 8:
        raise OSError("the kernel gives no count")
    (count,) = struct.unpack("=Q", content)
    return int(count)
