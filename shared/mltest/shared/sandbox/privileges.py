"""What this process may never do again: gain rights, keep an administrator's, outlive its parent, lose its orphans."""

import ctypes
import os
import signal
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
"""prctl(2)."""
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_READ_SEARCH = 1 << 2
"""An interpreter may lie in a folder that only its owner enters, while root runs it; Landlock still bounds reading."""


def gain_no_privileges() -> None:
    """Let no program that is started from here have more rights than this process; Landlock and filters need that."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_with(parent_pid: int) -> None:
    """Be killed when the parent ends; end now if that has happened already."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of descendants whose parents end, so that whoever ends this process finds them below it."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def give_up_capabilities() -> None:
    """Keep no right of an administrator but that of looking into folders."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    current = ctypes.create_string_buffer(24)
    if _LIBC.capget(header, current) != 0:
        return
    permitted = struct.unpack("6I", current.raw)[1] & _CAP_DAC_READ_SEARCH
    # Effective, permitted and inheritable ones, first the lower 32 of each, then the upper.
    _LIBC.capset(header, struct.pack("6I", permitted, permitted, 0, 0, 0, 0))


def hide_memory() -> None:
    """Let other processes of the same user not look into this one."""
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
