"""An agent that another process started for itself ends with it, however that ended."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
"""prctl(2)."""


def exit_with_parent() -> None:
    """Get SIGTERM when the parent's thread that started this process ends; leave at once if it has ended already."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)
