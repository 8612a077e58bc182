"""A network of its own without any device, and a shared memory folder of its own, where the kernel gives them."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_NETWORK = 0x00020000, 0x08000000, 0x10000000, 0x40000000
"""include/uapi/linux/sched.h."""
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x8, 0x4000, 0x40000
"""mount(2)."""
_SHARED_MEMORY = b"/dev/shm"
_SHARED_MEMORY_OPTIONS = b"size=64m,mode=0700"
"""What lies there is not counted as memory of the process."""


def leave_shared_namespaces() -> bool:
    """Leave the network and the shared memory of the machine; return whether both were given up."""
    user, group = os.getuid(), os.getgid()
    others = _NEW_MOUNTS | _NEW_IPC | _NEW_NETWORK
    if _LIBC.unshare(others) != 0:
        # Only who may administer the machine gets them at once; everybody else as the only user of a namespace.
        if _LIBC.unshare(others | _NEW_USER) != 0:
            return False
        _keep_identity(user, group)
    return _private_shared_memory()


def _keep_identity(user: int, group: int) -> None:
    with suppress(OSError):
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _private_shared_memory() -> bool:
    if _LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    return bool(_LIBC.mount(b"tmpfs", _SHARED_MEMORY, b"tmpfs", flags, _SHARED_MEMORY_OPTIONS) == 0)
