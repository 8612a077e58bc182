"""A real systemd as process 1 of namespaces, on an overlay of this machine's file system, for as long as a test needs.

Nothing of it is left afterwards: the upper layer of the overlay is a tmpfs of its mount namespace. Its network has a
loopback interface only. Kernel settings are out of its reach: /proc/sys is read-only, and what would load modules or
change settings is masked.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SYSTEMD = Path("/usr/lib/systemd/systemd")
BOOT_DEADLINE_S = 60.0
_MASKED = (
    *(
        "systemd-sysctl.service",
        "systemd-modules-load.service",
        "systemd-binfmt.service",
        "proc-sys-fs-binfmt_misc.automount",
    ),
    *("modprobe@.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "systemd-remount-fs.service", "systemd-udevd.service"),
    *(
        "systemd-udev-trigger.service",
        "systemd-random-seed.service",
        "systemd-timesyncd.service",
        "systemd-resolved.service",
    ),
    *(
        "timers.target",
        "systemd-networkd.service",
        "systemd-logind.service",
        "systemd-machine-id-commit.service",
        "systemd-firstboot.service",
    ),
)
_BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up
. "$2"
mkdir -p .outside
pivot_root . .outside
exec env -i container=mltest PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot . \
  sh -c "umount -l /.outside && exec /usr/lib/systemd/systemd --show-status=no"
"""


def why_not() -> str:
    """Return what is missing to boot; "" if nothing is."""
    if os.geteuid() != 0:
        return "needs root for namespaces and an overlay: sudo make test"
    if not SYSTEMD.exists():
        return "needs systemd: apt-get install systemd makes it run"
    missing = [tool for tool in ("unshare", "nsenter", "setpriv", "ip") if shutil.which(tool) is None]
    return f"needs {' and '.join(missing)}: apt-get install util-linux iproute2 makes it run" if missing else ""


needs_boot = pytest.mark.skipif(bool(why_not()), reason=why_not() or "systemd boots")


@dataclass(frozen=True, slots=True)
class Booted:
    """A machine that runs."""

    leader: int
    """Process 1 as it is called outside."""

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs `arguments` inside, as root."""
        enter = ["nsenter", "-t", str(self.leader), "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]
        clean = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        return [*enter, *clean, *arguments]

    def run(self, *arguments: str, check: bool = True, timeout_s: float = 120.0) -> str:
        """Run `arguments` inside and return what they print; both streams."""
        done = subprocess.run(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{self.journal()}"
            )
        return done.stdout

    def journal(self, *arguments: str) -> str:
        """Return the end of the log."""
        return self.run("journalctl", "--no-pager", "-n", "80", *arguments, check=False)

    def property(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).strip()

    def processes(self, pattern: str) -> list[int]:
        """Return the processes inside whose command line contains `pattern`, by their ids inside."""
        listed = self.run("ps", "-eo", "pid=,args=")
        found = [line.split(None, 1) for line in listed.splitlines()]
        return [int(pid) for pid, line in found if pattern in line and "ps -eo" not in line]

    def write(self, path: str, text: str) -> None:
        """Write a file inside."""
        script = f"mkdir -p {Path(path).parent} && cat > {path}"
        subprocess.run(self.command("sh", "-c", script), input=text, text=True, check=True, capture_output=True)


@contextmanager
def booted(folder: Path, prepare: str) -> Iterator[Booted]:
    """Boot; `prepare` is a shell script that runs in the new root before, with the overlay as working directory."""
    machine = folder / "machine"
    machine.mkdir()
    (folder / "boot").write_text(_BOOT)
    (folder / "prepare").write_text(_masking() + prepare)
    with (folder / "console").open("wb") as console:
        unshare = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "-m",
            "-p",
            "-f",
            "-u",
            "-i",
            "-n",
            "-C",
            "--kill-child",
        ]
        script = ["sh", str(folder / "boot"), str(machine), str(folder / "prepare")]
        process = subprocess.Popen([*unshare, *script], stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        made = Booted(_leader(process, folder / "console"))
        _wait_until_it_runs(made, folder / "console")
        yield made
    finally:
        process.kill()
        process.wait()


def _masking() -> str:
    lines = [f"ln -sf /dev/null etc/systemd/system/{name}" for name in _MASKED]
    return "\n".join(["ln -sf /usr/lib/systemd/system/basic.target etc/systemd/system/default.target", *lines, ""])


def _leader(process: "subprocess.Popen[bytes]", console: Path) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline_s = time.monotonic() + BOOT_DEADLINE_S
    while time.monotonic() < deadline_s and process.poll() is None:
        for pid in children.read_text().split():
            if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                return int(pid)
        time.sleep(0.02)
    raise AssertionError(f"it does not boot: {console.read_text()}")


def _wait_until_it_runs(machine: Booted, console: Path) -> None:
    deadline_s = time.monotonic() + BOOT_DEADLINE_S
    state = ""
    while time.monotonic() < deadline_s:
        state = machine.run("systemctl", "is-system-running", check=False).strip()
        if state in ("running", "degraded"):
            return
        time.sleep(0.05)
    raise AssertionError(f"it is {state!r} after {BOOT_DEADLINE_S:g} s: {console.read_text()}")
