"""What a confined child needs of the file system: its interpreter, the system's libraries, a few devices."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mltest.shared.children.other_interpreter import package_folders
from mltest.shared.sandbox.landlock_rules import Grant

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store")
_SETTINGS = (
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/localtime"),
    *("/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies"),
)
_MACHINE = (
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems"),
    *("/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/osrelease"),
    *("/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage", "/sys/bus/pci/devices"),
)
"""What libraries read to choose threads, kernels and page sizes."""
_RANDOM = ("/dev/urandom", "/dev/random")
_PCI_DEVICES = ("/sys/devices", "pci*")
_LIBRARY_LISTS = Path("/etc/ld.so.conf.d")


def grants_for(folder: Path, readable: Sequence[str], *, runs_programs: bool) -> dict[str, Grant]:
    """Return what a child that works in `folder` may do where."""
    grants = dict.fromkeys((*_interpreter(), *_library_folders()), Grant.READ)
    grants |= dict.fromkeys(_SYSTEM, Grant.RUN if runs_programs else Grant.READ)
    machine = (*_MACHINE, *map(str, Path(_PCI_DEVICES[0]).glob(_PCI_DEVICES[1])), f"/proc/{os.getpid()}")
    grants |= dict.fromkeys((*_SETTINGS, *_RANDOM, *machine, *readable), Grant.READ)
    return grants | {"/dev/null": Grant.USE, str(folder): Grant.WORK}


def _interpreter() -> Iterator[str]:
    """Yield the folders of this interpreter and of what it can import; never the root of the file system."""
    roots = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *sys.path, *package_folders())
    yield from (root for root in dict.fromkeys(roots) if root.strip("/"))


def _library_folders() -> Iterator[str]:
    """Yield the folders in which the dynamic linker looks beside those of the system."""
    yield from filter(os.path.isabs, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    for path in sorted(_LIBRARY_LISTS.glob("*.conf")) if _LIBRARY_LISTS.is_dir() else ():
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("/") and line.strip("/ "):
                yield line.strip()
