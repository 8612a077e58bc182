"""Settings of the C library's allocator for a process that moves megabyte messages.

By default each chunk's memory is given back to the kernel and taken again, zeroed, for the next one: more than half of
the CPU time of an upload. Source: mallopt(3), malloc_trim(3).
"""

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_BYTES = 16 * 1024 * 1024
_LIBC = ctypes.CDLL(None)


@cache
def keep_freed_memory() -> None:
    """Keep up to 16 MiB of freed memory, in one arena; nothing happens where the C library has no such settings."""
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, 1)
        _LIBC.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        _LIBC.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)


def give_memory_back() -> None:
    """Return freed memory to the kernel, as after a transfer."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)
