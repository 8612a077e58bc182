"""The trial itself: real children that try to get out, on this kernel and with parts of it switched off."""

import shlex
import sys
from pathlib import Path

import pytest

from mltest.shared.children.child import Child, ChildLimits
from mltest.shared.domain import SandboxInfo, SandboxLevel
from mltest.shared.sandbox import trial
from mltest.shared.sandbox.attempts import ATTEMPTS
from mltest.shared.sandbox.landlock import landlock_version
from tests.hostile.processes import descendants
from tests.unit.shared.sandbox.weak_child import VERSION, WITHOUT

ROOT = Path(__file__).resolve().parents[4]
MODULE = "tests.unit.shared.sandbox.weak_child"

pytestmark = pytest.mark.promise(22)

needs_landlock = pytest.mark.skipif(
    landlock_version() < 7, reason="this kernel has no Landlock 7; run the tests on Linux 6.15 or later"
)


@pytest.fixture
def _weak_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial starts the child of these tests, which only an interpreter with another path finds."""
    wrapper = tmp_path / "python"
    real = shlex.quote(sys.executable)
    wrapper.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={shlex.quote(str(ROOT))} exec {real} -s "$@"\n')
    wrapper.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(wrapper))
    monkeypatch.setattr(trial, "_MODULE", MODULE)


async def tried(folder: Path, **environment: str) -> SandboxInfo:
    async def spawn(module: str, *, limits: ChildLimits) -> Child:
        return await Child.spawn(module, folder=inside, limits=limits, environment=environment)

    inside, outside = folder / "inside", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    found = await trial.tried_sandbox(outside, spawn)
    assert list(outside.iterdir()) == []
    assert descendants() == set()
    return found


@needs_landlock
@pytest.mark.promise(22)
async def test_a_kernel_with_everything_stops_everything(tmp_path: Path) -> None:
    found = await tried(tmp_path)
    assert (found.level, found.reason) == (SandboxLevel.FULL, "")
    assert {"landlock 7", "seccomp", "rlimits"} <= set(found.walls)


@needs_landlock
@pytest.mark.usefixtures("_weak_kernel")
@pytest.mark.parametrize("version", range(1, 8))
@pytest.mark.promise(22)
async def test_every_version_of_landlock_and_a_filter_stop_everything(version: int, tmp_path: Path) -> None:
    found = await tried(tmp_path, **{VERSION: str(version), WITHOUT: "namespaces"})
    assert found.walls == (f"landlock {version}", "seccomp", "rlimits")
    assert (found.level, found.reason) == (SandboxLevel.FULL, "")


@pytest.mark.usefixtures("_weak_kernel")
@pytest.mark.promise(22)
async def test_without_landlock_files_are_open_and_the_sandbox_is_degraded(tmp_path: Path) -> None:
    found = await tried(tmp_path, **{WITHOUT: "landlock"})
    assert found.level is SandboxLevel.DEGRADED
    assert "reading other files, writing other files" in found.reason
    assert "the kernel lacks Landlock" in found.reason
    assert "TCP" not in found.reason


@needs_landlock
@pytest.mark.usefixtures("_weak_kernel")
@pytest.mark.promise(22)
async def test_without_a_filter_datagrams_and_processes_pass_and_the_sandbox_is_degraded(tmp_path: Path) -> None:
    found = await tried(tmp_path, **{WITHOUT: "seccomp,namespaces"})
    assert found.level is SandboxLevel.DEGRADED
    assert "UDP" in found.reason and "starting processes" in found.reason
    assert "reading other files" not in found.reason and "signals" not in found.reason


@pytest.mark.usefixtures("_weak_kernel")
@pytest.mark.promise(22)
async def test_without_anything_there_is_no_sandbox(tmp_path: Path) -> None:
    found = await tried(tmp_path, **{WITHOUT: "landlock,seccomp,namespaces"})
    assert found.level is SandboxLevel.NONE
    assert found.walls == ("rlimits",)


@pytest.mark.promise(22)
async def test_each_attempt_gets_through_where_nothing_stops_it(tmp_path: Path) -> None:
    async def unlimited(module: str, *, limits: ChildLimits) -> Child:
        return await Child.spawn(module, folder=tmp_path, limits=ChildLimits())

    found = await trial.tried_sandbox(tmp_path, unlimited)
    assert found.level is SandboxLevel.NONE
    # A machine may forbid tracing and reading others' memory by itself (kernel.yama.ptrace_scope).
    wanted = {name for name in ATTEMPTS if "tracing" not in name and "memory of other" not in name}
    assert {name for name in wanted if name not in found.reason} == set()
    assert descendants() == set()


@pytest.mark.promise(22)
async def test_a_child_that_cannot_be_started_is_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_MODULE", "mltest.no.such.module")
    found = await tried(tmp_path)
    assert found.level is SandboxLevel.NONE
    assert found.reason.startswith("trying it failed")
