"""Whether a program plays the processor that this process believes to run on: qemu-user, box64, FEX, Rosetta.

Such a program passes the files of the machine's own kernel through, or makes them up (qemu does so with /proc/cpuinfo
since version 8.1); what it cannot hide is that it is what the kernel runs.
"""

from pathlib import Path

# ELF header: e_machine, two bytes at 18, in the byte order that byte 5 names. Source: elf.h, System V ABI chapter 4.
_MACHINES = {3: "i386", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_NATIVE = {
    "x86_64": {"x86_64", "i386"},
    "aarch64": {"aarch64", "arm"},
    "arm64": {"aarch64", "arm"},
    "armv8l": {"arm", "aarch64"},
}
"""What processors execute by themselves, by what the kernel calls their architecture."""
_EXECUTABLE = "proc/thread-self/exe"
"""Emulators answer for /proc/self/exe with the program that they emulate, but not for this."""


def read_emulator(root: Path, architecture: str) -> str:
    """Return what plays a processor of `architecture` for this process, for people; empty where nothing does.

    Args:
        root: where the machine's file system starts.
        architecture: as this process sees it (os.uname).

    """
    executed = _machine_of(root / _EXECUTABLE)
    native = _NATIVE.get(architecture) or ({"arm"} if architecture.startswith("arm") else {architecture})
    if executed and executed not in native:
        return _name(root / _EXECUTABLE) or f"a program for {executed}"
    return ""


def _machine_of(path: Path) -> str:
    """Return the architecture that an executable file is for; empty where it is none, or cannot be read."""
    try:
        with path.open("rb") as stream:
            header = stream.read(20)
    except OSError:
        return ""
    if len(header) < 20 or not header.startswith(b"\x7fELF"):
        return ""
    number = int.from_bytes(header[18:20], "little" if header[5] == 1 else "big")
    return _MACHINES.get(number, f"machine {number}")


def _name(path: Path) -> str:
    try:
        return path.readlink().name
    except OSError:
        return ""
