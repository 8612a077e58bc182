"""A runtime in an environment of its own: real interpreters, the real agent, both ways to start workers."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.agent.environments.environments import FOLDER_VARIABLE, Environments, interpreter_in
from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.agent.launch.role import Launcher
from mltest.agent.launch.unit_launcher import UnitLauncher
from mltest.agent.probe.probe import probe
from mltest.shared.children.child import ChildLimits, Confinement
from mltest.shared.domain import CandidateEnded, Outcome, RuntimeInfo
from mltest.shared.errors import EnvironmentBrokenError
from tests.integration.agent_peer import candidate, connected, visit, write_files
from tests.processes import BIN, ProcessGroup
from tests.worker_unit import worker_unit

pytestmark = pytest.mark.xdist_group("agent")


def make_environment(folder: Path, runtime: str, *, with_packages: bool) -> Path:
    """Make an environment that holds nothing, or what that of the tests holds; return its folder."""
    environment = folder / runtime
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    if with_packages:
        borrow(environment)
    return environment


def borrow(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("platlib") + "\n")


@pytest.fixture(params=["exec", "unit"])
def launcher(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Launcher]:
    if request.param == "exec":
        yield ExecLauncher()
    else:
        with worker_unit(tmp_path) as unit:
            yield UnitLauncher(unit.path)


async def probed(tmp_path: Path, launcher: Launcher, own: Path, *offered: str) -> dict[str, RuntimeInfo]:
    """Return what a probe says that looks at the runtimes `offered` and the reference: each takes its imports."""
    (tmp_path / "probe").mkdir(exist_ok=True)
    found = await probe(tmp_path / "probe", launcher, Environments(own), offered=offered)
    return {runtime.name: runtime for runtime in found.runtimes}


async def test_a_runtime_is_asked_in_the_environment_that_it_would_run_in(tmp_path: Path, launcher: Launcher) -> None:
    make_environment(tmp_path / "own", "treelite", with_packages=True)
    make_environment(tmp_path / "own", "onnxruntime", with_packages=False)
    (make_environment(tmp_path / "own", "numpy", with_packages=True) / "bin" / "python").unlink()

    found = await probed(tmp_path, launcher, tmp_path / "own", "treelite", "onnxruntime", "numpy")

    assert found["treelite"].is_available
    assert found["treelite"].has_own_environment
    assert found["reference"].is_available
    assert not found["reference"].has_own_environment
    for name, reason in {"onnxruntime": "package onnxruntime is not installed", "numpy": "is no interpreter"}.items():
        assert not found[name].is_available
        assert reason in found[name].reason
        assert f"mltest-agent runtimes install {name}" in found[name].reason


async def test_an_environment_with_a_broken_interpreter_spoils_no_other_runtime(
    tmp_path: Path, launcher: Launcher
) -> None:
    environment = make_environment(tmp_path / "own", "treelite", with_packages=True)
    interpreter_in(environment).unlink()
    interpreter_in(environment).write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    interpreter_in(environment).chmod(0o755)

    found = await probed(tmp_path, launcher, tmp_path / "own", "treelite", "onnxruntime")

    assert "it is broken" in found["treelite"].reason
    assert "mltest-agent runtimes install treelite" in found["treelite"].reason
    assert found["onnxruntime"].is_available


async def test_a_failed_installation_is_the_reason_of_an_absent_runtime(tmp_path: Path) -> None:
    make_environment(tmp_path / "own", "treelite", with_packages=False)
    (tmp_path / "own" / "treelite.failed").write_text("there is no wheel for this machine")

    found = await probed(tmp_path, ExecLauncher(), tmp_path / "own", "treelite")

    assert "installing it failed: there is no wheel for this machine" in found["treelite"].reason


async def test_a_confined_worker_imports_this_software_and_nothing_else_of_the_agent(
    tmp_path: Path, launcher: Launcher
) -> None:
    python = interpreter_in(make_environment(tmp_path / "own", "treelite", with_packages=False))
    (tmp_path / "visit").mkdir()
    room = launcher.room(tmp_path / "visit")
    await room.open()
    try:
        limits = ChildLimits(confinement=Confinement.MODEL)
        module = "mltest.agent.probe.runtime_child"
        child = await room.spawn(module, limits=limits, environment={}, python=python)
        frame = {"command": "runtime", "name": "reference", "remedy": "", "failure": ""}
        answer = await child.request(frame, timeout_s=60, what="the test")
        with pytest.raises(EnvironmentBrokenError, match="no interpreter"):
            await room.spawn(module, limits=limits, environment={}, python=tmp_path / "nowhere" / "python")
    finally:
        await room.close()
    assert "package numpy is not installed" in answer["reason"]


async def test_a_worker_runs_in_the_environment_of_its_runtime(tmp_path: Path, processes: ProcessGroup) -> None:
    environment = make_environment(tmp_path / "agent" / "runtimes", "onnxruntime", with_packages=True)
    agent = processes.agent(tmp_path / "agent", "--port", "0", "--no-advertise", "--allow-pickle")
    files = write_files(tmp_path)
    async with connected(agent.address) as peer:
        epoch = await peer.acquire()
        model, data = await peer.upload(files.model), await peer.upload(files.data)
        known = {runtime.name: runtime for runtime in (await peer.describe()).runtimes}
        whole = visit(data, candidate(model, "a"), visit_id="whole")
        await peer.start(epoch, whole)
        good = [event.event for event in await peer.events(whole)]
        (packages,) = environment.glob("lib/python*/site-packages")
        (packages / "borrowed.pth").unlink()
        broken = visit(data, candidate(model, "a"), visit_id="broken")
        await peer.start(epoch, broken)
        bad = [event.event for event in await peer.events(broken)]

    assert known["onnxruntime"].has_own_environment
    (end,) = (event for event in good if isinstance(event, CandidateEnded))
    assert end.outcome is Outcome.OK, end.reason
    (end,) = (event for event in bad if isinstance(event, CandidateEnded))
    assert (end.outcome, end.reason_code) == (Outcome.FAILED, "RUNTIME_MISSING")


def test_runtimes_are_listed_with_where_they_come_from(tmp_path: Path) -> None:
    environment = make_environment(tmp_path, "treelite", with_packages=True)
    variables = {**os.environ, FOLDER_VARIABLE: str(tmp_path)}
    listed = subprocess.run(
        [str(BIN / "mltest-agent"), "runtimes"], check=True, capture_output=True, text=True, env=variables
    ).stdout
    lines = {line.split()[0]: line for line in listed.splitlines()}
    assert str(environment) in lines["treelite"]
    assert "the agent's environment" in lines["onnxruntime"]
    assert "mltest-agent runtimes install openvino" in lines["openvino"]


def test_an_unknown_runtime_is_not_installed(tmp_path: Path) -> None:
    command = [str(BIN / "mltest-agent"), "runtimes", "install", "abacus", "--folder", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 3
    assert "this software knows" in done.stderr
