"""Puts Landlock around this process: whatever no rule grants is denied from then on, also to its children."""

import ctypes
import os
import stat
import struct
from collections.abc import Mapping

from mltest.shared.sandbox.landlock_rules import Grant, Ruleset, granted, ruleset_of

_LIBC = ctypes.CDLL(None, use_errno=True)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on every architecture since Linux 5.13."""
_ASK_VERSION = 1
_PATH_BENEATH = 1


def landlock_version() -> int:
    """Return the version of the kernel's Landlock interface; 0 where there is none, or where it is switched off."""
    return max(int(_LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_ASK_VERSION))), 0)


def confine_files(grants: Mapping[str, Grant]) -> int:
    """Deny everything that `grants` (by path; a missing one is passed over) does not name.

    Returns the version of Landlock that does it; 0 if there is none, and nothing is confined. Needs `no_new_privs`.
    """
    version = landlock_version()
    if not version:
        return 0
    ruleset = ruleset_of(version)
    attributes = struct.pack("QQQ", ruleset.files, ruleset.tcp, ruleset.scoped)
    number = _LIBC.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    if number < 0:
        return 0
    try:
        for path, grant in grants.items():
            _add(number, path, grant, ruleset)
        return 0 if _LIBC.syscall(_RESTRICT_SELF, number, ctypes.c_uint(0)) else version
    finally:
        os.close(number)


def _add(ruleset_fd: int, path: str, grant: Grant, ruleset: Ruleset) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
    rule = struct.pack("=Qi", granted(grant, ruleset, is_folder=is_folder), opened)
    _LIBC.syscall(_ADD_RULE, ruleset_fd, _PATH_BENEATH, rule, ctypes.c_uint(0))
    # A rule for a file below /proc lasts as long as the kernel remembers that file: an open one is remembered.
    if not path.startswith("/proc/"):
        os.close(opened)
