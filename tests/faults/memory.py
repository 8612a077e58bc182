"""How much memory a process takes, from outside."""

from pathlib import Path

MIB = 1 << 20


def resident_bytes(pid: int) -> int:
    """Return what is resident now."""
    return _status_bytes(pid, "VmRSS")


def restart_peak(pid: int) -> None:
    """Let the peak count from now (proc_pid_clear_refs(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """Return the most that was resident since `restart_peak`."""
    return _status_bytes(pid, "VmHWM")


def _status_bytes(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)
