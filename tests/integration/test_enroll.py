"""`mltest-coordinator enroll`: over a program `ssh` that runs the command here, and keeps what it was given."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mltest.shared.trust.identity import keys_in
from mltest.shared.trust.local_peers import FOLDER_VARIABLE
from mltest.shared.trust.peers import AGENT, COORDINATOR, Peers
from tests.processes import BIN, ProcessGroup

pytestmark = pytest.mark.xdist_group("trust")

QUIET = ("--port", "0", "--no-advertise", "--name", "board")


@dataclass(frozen=True, slots=True)
class Ssh:
    """A stand-in for ssh on the path: it runs the command on this machine."""

    folder: Path

    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().splitlines()

    def environment(self, tmp_path: Path) -> dict[str, str]:
        user = {FOLDER_VARIABLE: str(tmp_path / "user-of-the-coordinator")}
        return os.environ | user | {"PATH": f"{self.folder}:{BIN}:{os.environ['PATH']}"}


@pytest.fixture
def ssh(tmp_path: Path) -> Ssh:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {folder}/arguments\nshift\nexec sh -c "$*"\n')
    program.chmod(0o755)
    return Ssh(folder)


def enroll(ssh: Ssh, tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(BIN / "mltest-coordinator"), "--state-dir", str(tmp_path / "home"), "enroll", *arguments]
    return subprocess.run(
        command, env=ssh.environment(tmp_path), capture_output=True, text=True, timeout=240, check=False
    )


def test_an_agent_is_enrolled_over_ssh(
    ssh: Ssh, processes: ProcessGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "user-of-the-agent"))
    board = processes.agent(tmp_path / "board", *QUIET)
    join = f"{BIN / 'mltest-agent'} join - --state-dir {tmp_path / 'board'}"
    port = board.address.rpartition(":")[2]
    done = enroll(ssh, tmp_path, "pi@127.0.0.1", "--port", port, "--command", join)
    assert done.returncode == 0, done.stderr
    assert f"Agent board ({board.listening['agent_id']}) is enrolled" in done.stdout
    assert ssh.arguments() == ["pi@127.0.0.1", join]
    assert "mltest1-" not in done.stdout + done.stderr
    (pin,) = Peers(tmp_path / "home").of_role(AGENT)
    assert pin.lasting_id == board.listening["agent_id"]
    (coordinator,) = Peers(tmp_path / "board").of_role(COORDINATOR)
    assert (coordinator.device_id, coordinator.secret_hex) == (keys_in(tmp_path / "home").current.device_id, "")


def test_a_join_that_fails_there_is_an_error_here(ssh: Ssh, tmp_path: Path) -> None:
    done = enroll(ssh, tmp_path, "pi@board", "--command", "exit 7")
    assert done.returncode == 4
    assert "status 7" in done.stderr
    assert "mltest-coordinator invite" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_option_of_ssh_is_no_destination(ssh: Ssh, tmp_path: Path) -> None:
    done = enroll(ssh, tmp_path, "--", "-oProxyCommand=touch owned")
    assert done.returncode == 3
    assert not (ssh.folder / "arguments").exists()


def test_the_default_command_joins_an_agent_that_is_on_the_path(ssh: Ssh, tmp_path: Path) -> None:
    """Nobody answers, as no agent runs; but it trusts the coordinator from now on."""
    environment = ssh.environment(tmp_path) | {"XDG_STATE_HOME": str(tmp_path / "state")}
    environment.pop("STATE_DIRECTORY", None)
    if Path("/var/lib/mltest-agent").exists() or Path("/opt/mltest").exists():
        pytest.skip("an agent is installed here; run it on a machine without one")
    command = [str(BIN / "mltest-coordinator"), "--state-dir", str(tmp_path / "home"), "enroll", "127.0.0.1"]
    done = subprocess.run(
        [*command, "--port", "1"], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "trusts this coordinator, but does not answer" in done.stdout
    (state,) = (tmp_path / "state" / "mltest").glob("agent-*")
    assert len(Peers(state).of_role(COORDINATOR)) == 1


@pytest.mark.parametrize("argument", ["mltest1-secret", ""])
def test_an_invitation_is_never_an_argument(argument: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mltest.agent.cli", "join", argument, "--state-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
