"""What Ctrl-C, a crash and a second coordinator do to a job, with the real programs."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.jobs import CANDIDATES, QUICK_PLAN, slow_plan
from tests.models import ModelFiles
from tests.processes import BIN, ProcessGroup, Running

PROGRAM = str(BIN / "mltest-coordinator")
DEADLINE_S = 240
LONG_PLAN = slow_plan(1000)
"""A visit that nobody waits for."""


@pytest.fixture
def agent(processes: ProcessGroup, tmp_path: Path) -> Running:
    return processes.agent(tmp_path / "agent", "--port", "0", "--no-advertise", "--name", "lab-1")


def submit_command(home: Path, files: ModelFiles, agent: Running, *options: str, plan: str = QUICK_PLAN) -> list[str]:
    path = home.with_suffix(".toml")
    path.write_text(plan)
    command = [PROGRAM, "submit", str(files.model), "--data", str(files.data), "--state-dir", str(home)]
    return [*command, "--no-discovery", "--agent", agent.address, "--plan", str(path), *options]


def started(command: Sequence[str], until: str = "round 1 on") -> subprocess.Popen[str]:
    """Start a submission and return once it says `until`; by default that its first round has ended."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if until in line:
            return process
    raise AssertionError(f"it ended without saying {until!r}: {process.wait()}")


def answer(home: Path, *verb: str) -> Any:
    done = subprocess.run(
        [PROGRAM, *verb, "--state-dir", str(home), "--json"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_one_interrupt_keeps_what_there_is_and_the_job_can_be_resumed(
    agent: Running, tiny: ModelFiles, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    process = started(submit_command(home, tiny, agent, "--rounds", "3", "--json"))
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=DEADLINE_S)
    stopped = json.loads(output)
    assert stopped["job"]["state"] == "interrupted"
    assert [row["standing"] for row in stopped["standings"]["rows"]] == ["ranked"]
    assert 1 <= stopped["job"]["visits_done"] < 3
    before = len(list(samples(home, stopped["job"]["job_id"])))
    resumed = answer(home, "resume", stopped["job"]["job_id"])
    assert resumed["job"]["state"] == "done"
    assert resumed["job"]["visits_done"] == 3
    assert len(list(samples(home, stopped["job"]["job_id"]))) > before


def samples(home: Path, job_id: str) -> list[str]:
    done = subprocess.run(
        [PROGRAM, "samples", job_id, "--state-dir", str(home)], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_second_interrupt_cancels_now(agent: Running, tiny: ModelFiles, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = started(submit_command(home, tiny, agent, "--json", plan=LONG_PLAN), until="% done")
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    for line in process.stderr:
        if "Ctrl-C" in line or "again" in line:
            break
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert json.loads(output)["job"]["state"] == "cancelled"
    assert process.returncode == 130


@pytest.mark.long
def test_a_job_survives_the_crash_of_its_coordinator(agent: Running, tiny: ModelFiles, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = started(submit_command(home, tiny, agent, "--rounds", "3"))
    process.kill()
    process.communicate()
    (job,) = answer(home, "jobs")
    resumed = answer(home, "resume", job["job_id"])
    assert resumed["job"]["state"] == "done"
    assert resumed["job"]["visits_done"] == 3
    assert [row["standing"] for row in resumed["standings"]["rows"]] == ["ranked"]


def test_two_coordinators_on_one_store_are_one(
    agent: Running, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    processes.coordinator(home, "--port", "0")
    second = subprocess.run(
        [PROGRAM, "serve", "--state-dir", str(home), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert second.returncode == 4
    assert "error:" in second.stderr
    assert "next:" in second.stderr
    done = subprocess.run(
        submit_command(home, tiny, agent, "--rounds", "1", "--json"),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert json.loads(done.stdout)["job"]["state"] == "done", done.stderr


def test_no_worker_outlives_an_agent_that_is_killed(agent: Running, tiny: ModelFiles, tmp_path: Path) -> None:
    command = submit_command(tmp_path / "home", tiny, agent, "--rounds", "1", plan=LONG_PLAN)
    process = started(command, until="% done")
    workers = children(agent.process.pid)
    agent.kill()
    process.kill()
    process.communicate()
    assert len(workers) == CANDIDATES
    for pid in workers:
        wait_until_gone(pid)


def children(pid: int) -> list[int]:
    return [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_gone(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor, "rb") as handle:
        assert select.select([handle], [], [], 10.0)[0], f"process {pid} outlives its agent"
