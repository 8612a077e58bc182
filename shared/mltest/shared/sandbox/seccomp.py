"""Puts a filter of system calls around this process, for good, and around everything that it starts."""

import ctypes
import os
import platform

from mltest.shared.sandbox.limits import Confinement
from mltest.shared.sandbox.seccomp_program import program
from mltest.shared.sandbox.seccomp_rules import rules_for
from mltest.shared.sandbox.syscall_numbers import AUDIT_ARCH, NUMBERS

_LIBC = ctypes.CDLL(None, use_errno=True)
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _SPEC_ALLOW = 1, 1 << 2
"""Without the second, kernels before 5.16 slow every computation of a filtered process down (spec_store_bypass)."""
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_INSTRUCTION_BYTES = 8


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine_calls(confinement: Confinement, *, uses_gpu: bool = False) -> bool:
    """Deny the calls of `rules_for`; return whether the kernel does so. Needs `no_new_privs`."""
    machine = platform.machine()
    if machine not in NUMBERS:
        return False
    code = program(rules_for(confinement, os.getpid(), uses_gpu=uses_gpu), NUMBERS[machine], AUDIT_ARCH[machine])
    prepared = _Program(len(code) // _INSTRUCTION_BYTES, code)
    pointer = ctypes.byref(prepared)
    if _LIBC.syscall(_SECCOMP[machine], _SET_MODE_FILTER, _SPEC_ALLOW, pointer) == 0:
        return True
    return bool(_LIBC.prctl(_PR_SET_SECCOMP, _MODE_FILTER, pointer, 0, 0) == 0)
