"""mltest as it is installed on a machine: this checkout under /opt/mltest of a booted one, with its units."""

import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.system.booted import Booted
from tests.worker_unit import ROOT

_INSTALL = r"""
# An interpreter that everybody may use, and this checkout: bound from the overlay, so nothing outside changes.
mkdir -p opt/python opt/mltest
mount --bind .{base} opt/python
echo /opt/python/lib > etc/ld.so.conf.d/000-python.conf
chroot . ldconfig
mount --bind .{root} opt/mltest
venv=opt/mltest/.venv
ln -sf /opt/python/bin/{python} $venv/bin/python3
sed -i 's#^home *=.*#home = /opt/python/bin#' $venv/pyvenv.cfg
sed -i 's#{root}#/opt/mltest#' $venv/lib/*/site-packages/_mltest_fleet.pth
# Modules of tests can be run as workers.
(echo; echo /opt/mltest) >> $venv/lib/*/site-packages/_mltest_fleet.pth
for program in mltest-agent mltest-coordinator; do
  sed -i '1s#.*#\#!/opt/mltest/.venv/bin/python3#' $venv/bin/$program
done
ln -sf python3 $venv/bin/python
cd opt/mltest
chroot ../.. /opt/mltest/.venv/bin/python3 -m compileall -q /opt/mltest/agent /opt/mltest/shared /opt/mltest/coordinator
cd -

# As systemd/README.md says.
install -D -m 644 {root}/systemd/mltest.sysusers.conf usr/lib/sysusers.d/mltest.conf
chroot . systemd-sysusers mltest.conf
cp {root}/systemd/*.service {root}/systemd/*.socket etc/systemd/system/

# PrivateUsers= needs a user namespace, which a nested systemd may not make (217/USER).
for unit in mltest-agent mltest-worker@ mltest-coordinator; do
  mkdir -p etc/systemd/system/$unit.service.d
  printf '[Service]\nPrivateUsers=no\n' > etc/systemd/system/$unit.service.d/nested.conf
done
"""


def installation() -> str:
    """Return the script that installs, for `booted`."""
    base = Path(sys.base_prefix).resolve()
    fields = {"base": base, "root": ROOT, "python": f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    script = _INSTALL
    for name, value in fields.items():
        script = script.replace("{" + name + "}", shlex.quote(str(value)))
    return script


PYTHON = "/opt/mltest/.venv/bin/python3"
_BIN = "/opt/mltest/.venv/bin"
_STATE = "/root/coordinator"
_PLAN = '[job]\nrounds = 1\n[candidates]\nruntimes = ["scikit-learn"]\n'
JOB_S = 300.0
"""A job takes some seconds on a machine that has nothing else to do."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A booted machine with mltest on it."""

    machine: Booted

    def start(self, *options: str) -> None:
        """Start the units, the agent with `options`, and let it join its coordinator, all as root."""
        self.machine.write("/opt/files/plan.toml", _PLAN)
        self.machine.write("/etc/mltest/agent.env", f"MLTEST_AGENT_OPTIONS={' '.join(options)}\n")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "enable", "--now", "mltest-worker.socket", "mltest-powerd.socket", "mltest-agent")
        invite = f"{_BIN}/mltest-coordinator --state-dir {_STATE} invite"
        self.machine.run("sh", "-c", f"{invite} | {_BIN}/mltest-agent join -")

    def wait_until_idle(self, limit_s: float) -> None:
        """Return when the agent has looked at its machine, and no worker runs."""
        deadline_s = time.monotonic() + limit_s
        while not self._is_idle():
            assert time.monotonic() < deadline_s, self.machine.journal()

    def _is_idle(self) -> bool:
        looked = f"mltest-worker@[0-9]+-{self.agent_pid()}-.*Deactivated"
        log = self.machine.run("journalctl", "--no-pager", "-o", "cat", "_PID=1", "--grep", looked, check=False)
        is_up = self.machine.property("mltest-agent", "ActiveState") == "active"
        return is_up and "Deactivated" in log and not self.machine.processes("worker-host")

    def agent_pid(self) -> int:
        """Return the process of the agent."""
        return int(self.machine.property("mltest-agent", "MainPID"))

    def agent_uid(self) -> int:
        """Return the user that the agent is at the moment."""
        return int(self.status_of("mltest-agent.service")["Uid"].split()[0])

    def agent_id(self) -> str:
        """Return the identity that the agent told last."""
        lines = self.machine.run("journalctl", "--no-pager", "-o", "cat", "-u", "mltest-agent", "--grep", "agent_id")
        return str(json.loads(lines.strip().splitlines()[-1])["agent_id"])

    def status_of(self, unit: str) -> dict[str, str]:
        """Return /proc/PID/status of the main process of a unit."""
        pid = self.machine.property(unit, "MainPID")
        lines = self.machine.run("cat", f"/proc/{pid}/status").splitlines()
        return {name: value.strip() for name, value in (line.split(":", 1) for line in lines if ":" in line)}

    def as_agent(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as the agent's user, with its groups, in its view of the file system."""
        inside = self.machine.command(*self._enter(), *command)
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=120)

    def popen_as_agent(self, *command: str) -> "subprocess.Popen[str]":
        """Start a command as the agent's user."""
        inside = self.machine.command(*self._enter(), *command)
        return subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _enter(self) -> list[str]:
        pid, uid = self.agent_pid(), self.agent_uid()
        gid = self.machine.run("getent", "group", "mltest").split(":")[2]
        user = [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={uid}",
            f"--groups={gid}",
            "--bounding-set=-all",
            "--no-new-privs",
        ]
        return ["nsenter", "-t", str(pid), "-m", *user]

    def submit(self, model: str, data: str, *options: str) -> str:
        """Run a small job, and return what is said of it, whatever became of it."""
        return self.machine.run(*self._submit(model, data, *options), check=False, timeout_s=JOB_S)

    def _submit(self, model: str, data: str, *options: str) -> list[str]:
        program = [f"{_BIN}/mltest-coordinator", "--state-dir", _STATE, "submit", model, "--data", data]
        return [*program, "--agent", "127.0.0.1:50771", "--plan", "/opt/files/plan.toml", "--json", *options]
