"""Which rights Landlock handles and grants, by the version of its interface. Pure.

Source: include/uapi/linux/landlock.h and Documentation/userspace-api/landlock.rst of Linux 6.18.
"""

from dataclasses import dataclass
from enum import Enum

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

_ALL_OF_FIRST_VERSION = (1 << 13) - 1
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""Rights that a rule for a single file may name."""
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1


class Grant(Enum):
    """What may be done with a file, or with everything below a folder."""

    READ = READ_FILE | READ_DIR
    RUN = READ_FILE | READ_DIR | EXECUTE
    USE = READ_FILE | WRITE_FILE
    """A device."""
    RENAME = WRITE_FILE | TRUNCATE
    """What the kernel lets a process write below its own folder in /proc: the names of its threads."""
    COMPUTE = READ_FILE | WRITE_FILE | IOCTL_DEV
    """A device that is driven by ioctl."""
    WORK = READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR
    """No links, pipes, sockets or devices, which could lead whoever opens them later somewhere else."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What a ruleset handles: everything of it is denied that no rule grants."""

    files: int
    tcp: int
    scoped: int


def ruleset_of(version: int) -> Ruleset:
    """Return everything that Landlock can deny in `version` of its interface, which is at least 1."""
    files = _ALL_OF_FIRST_VERSION
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        files |= right if version >= since else 0
    return Ruleset(
        files=files,
        tcp=_BIND_TCP | _CONNECT_TCP if version >= 4 else 0,
        scoped=_ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0,
    )


def granted(grant: Grant, ruleset: Ruleset, *, is_folder: bool) -> int:
    """Return the rights of one rule: of `grant`, those that are handled and that exist for a file or a folder."""
    return grant.value & ruleset.files & (~0 if is_folder else _OF_A_FILE)
