"""A child process and whoever started it: real processes, real pipes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mltest.shared.children.child import Child, ChildLimits
from mltest.shared.children.frames import Frame
from mltest.shared.errors import (
    ChildCrashedError,
    DeadlineError,
    MltestError,
    ModelInvalidError,
    ResourceLimitError,
)
from tests.worker_unit import interpreter_that_sees_the_tests

MODULE = "tests.unit.shared.child_of_tests"
NO_LIMITS = ChildLimits()
TIMEOUT_S = 60.0


@pytest.fixture(autouse=True)
def _interpreter_that_sees_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(interpreter_that_sees_the_tests(tmp_path)))


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[Child]:
    started = await Child.spawn(MODULE, folder=tmp_path, limits=NO_LIMITS)
    yield started
    await started.kill()


async def ask(child: Child, command: str, *, timeout_s: float = TIMEOUT_S, **facts: object) -> Frame:
    return await child.request({"command": command, **facts}, timeout_s=timeout_s, what="the test")


async def gone(pid: int) -> None:
    """Return when no process with that id is alive."""
    async with asyncio.timeout(TIMEOUT_S):
        while _is_alive(pid):
            await asyncio.sleep(0)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


async def test_a_request_is_answered(child: Child) -> None:
    assert await ask(child, "echo", text="hällo\nworld") == {"said": "hällo\nworld"}
    assert await ask(child, "echo", text="again") == {"said": "again"}


async def test_what_a_library_prints_is_not_taken_for_an_answer(child: Child) -> None:
    assert await ask(child, "print") == {"said": "after printing"}
    assert await ask(child, "echo", text="still in step") == {"said": "still in step"}


async def test_a_crash_is_told_with_its_signal_and_last_words(child: Child) -> None:
    with pytest.raises(ChildCrashedError, match="signal SIGSEGV: last words"):
        await ask(child, "crash", signal="SIGSEGV")


async def test_an_exit_is_told_with_its_status(child: Child) -> None:
    with pytest.raises(ChildCrashedError, match="exit status 7"):
        await ask(child, "exit", status=7)


async def test_a_child_that_died_before_is_told_as_well(child: Child) -> None:
    with pytest.raises(ChildCrashedError):
        await ask(child, "exit", status=7)

    with pytest.raises(ChildCrashedError, match="exit status 7"):
        await ask(child, "echo", text="anybody there?")


async def test_a_deadline_ends_the_child(child: Child) -> None:
    await ask(child, "echo", text="it is up")

    with pytest.raises(DeadlineError, match=r"the test took longer than 0\.05 s"):
        await ask(child, "hang", timeout_s=0.05)

    await gone(child.pid)


async def test_a_grandchild_in_a_session_of_its_own_dies_with_the_child(child: Child) -> None:
    grandchild = (await ask(child, "grandchild"))["pid"]
    assert os.getsid(grandchild) == grandchild

    await child.kill()

    await gone(grandchild)


async def test_a_grandchild_dies_even_if_the_child_crashed_before(child: Child) -> None:
    grandchild = (await ask(child, "grandchild"))["pid"]

    with pytest.raises(ChildCrashedError):
        await ask(child, "crash", signal="SIGKILL")

    await gone(grandchild)


@pytest.mark.parametrize("keeps_pipes", [True, False])
async def test_a_process_that_left_parent_session_and_variables_dies_with_the_child(
    child: Child, keeps_pipes: bool
) -> None:
    orphan = (await ask(child, "leave_behind", seconds="600", keeps_pipes=keeps_pipes))["pid"]
    assert os.getsid(orphan) != child.pid

    async with asyncio.timeout(TIMEOUT_S):
        await child.kill()

    await gone(orphan)


async def test_a_survivor_that_holds_the_pipes_of_a_crashed_child_keeps_nobody_waiting(child: Child) -> None:
    orphan = (await ask(child, "leave_behind", seconds="600", keeps_pipes=True))["pid"]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            with pytest.raises(ChildCrashedError, match="signal SIGKILL"):
                await ask(child, "crash", signal="SIGKILL")
    finally:
        os.kill(orphan, signal.SIGKILL)


async def test_killing_twice_changes_nothing(child: Child) -> None:
    await child.kill()
    await child.kill()


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("own", ModelInvalidError, "This is not a usable model: it is a picture."),
        ("memory", ResourceLimitError, "it needs more memory than its limit allows"),
        ("recursion", ModelInvalidError, "it is nested too deeply"),
        ("unexpected", MltestError, "KeyError: 'where'"),
    ],
)
async def test_what_a_handler_raises_is_raised_here(
    child: Child, kind: str, error: type[MltestError], message: str
) -> None:
    with pytest.raises(error) as raised:
        await ask(child, "raise", kind=kind)

    assert raised.value.message == message
    assert await ask(child, "echo", text="alive") == {"said": "alive"}


async def test_a_child_over_its_memory_limit_says_so(tmp_path: Path) -> None:
    limited = await Child.spawn(MODULE, folder=tmp_path, limits=ChildLimits(memory_bytes=300_000_000))
    try:
        with pytest.raises(ResourceLimitError):
            await ask(limited, "allocate", size_bytes=400_000_000)
        assert await ask(limited, "allocate", size_bytes=1000) == {"size": 1000}
    finally:
        await limited.kill()


async def test_a_child_inherits_only_what_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "1")
    started = await Child.spawn(MODULE, folder=tmp_path, limits=NO_LIMITS, environment={"OMP_NUM_THREADS": "1"})
    try:
        inherited = await ask(started, "environment")
    finally:
        await started.kill()

    assert "SECRET_OF_THE_PARENT" not in inherited["variables"]
    assert {"OMP_NUM_THREADS", "MLTEST_CHILD", "PATH"} <= set(inherited["variables"])
    assert inherited["folder"] == str(tmp_path)
    assert not {"numpy", "grpc", "asyncio"} & set(inherited["modules"])


async def test_a_paused_child_answers_when_it_is_resumed(child: Child) -> None:
    await ask(child, "echo", text="it is up")
    child.pause()
    asking = asyncio.ensure_future(ask(child, "echo", text="late"))
    async with asyncio.timeout(TIMEOUT_S):
        while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            await asyncio.sleep(0)
    assert not asking.done()

    child.resume()

    assert await asking == {"said": "late"}
