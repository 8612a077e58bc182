"""What every launcher of workers must do: real processes, real pipes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.agent.launch.role import Launcher, WorkerRoom
from mltest.agent.launch.unit_launcher import UnitLauncher
from mltest.shared.children.child import Child, ChildLimits
from mltest.shared.children.frames import Frame
from mltest.shared.errors import ChildCrashedError, DeadlineError, PredictionError, ResourceLimitError
from tests.worker_unit import interpreter_that_sees_the_tests, worker_unit

MODULE = "tests.unit.shared.child_of_tests"
TIMEOUT_S = 60.0


@pytest.fixture(params=["exec", "unit"])
def launcher(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    interpreter = str(interpreter_that_sees_the_tests(tmp_path))
    if request.param == "exec":
        monkeypatch.setattr(sys, "executable", interpreter)
        yield ExecLauncher()
    else:
        with worker_unit(tmp_path, interpreter) as unit:
            yield UnitLauncher(unit.path)


@pytest.fixture
async def room(launcher: Launcher, tmp_path: Path) -> AsyncIterator[WorkerRoom]:
    (tmp_path / "visit").mkdir()
    made = launcher.room(tmp_path / "visit")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def child(room: WorkerRoom) -> AsyncIterator[Child]:
    started = await spawned(room)
    yield started
    await started.kill()


async def spawned(room: WorkerRoom, *, memory_bytes: int = 0, **environment: str) -> Child:
    return await room.spawn(MODULE, limits=ChildLimits(memory_bytes=memory_bytes), environment=environment)


async def ask(child: Child, command: str, *, timeout_s: float = TIMEOUT_S, **facts: object) -> Frame:
    return await child.request({"command": command, **facts}, timeout_s=timeout_s, what="the test")


def state_of(pid: int) -> str:
    """Return the letter of proc(5); "" if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def until(pid: int, states: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while state_of(pid) not in states:
            await asyncio.sleep(0.001)


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while state_of(pid) not in ("", "Z", "X"):
            await asyncio.sleep(0.001)


async def test_a_worker_answers(child: Child) -> None:
    assert await ask(child, "echo", text="hällo\nworld") == {"said": "hällo\nworld"}
    assert await ask(child, "print") == {"said": "after printing"}
    assert await ask(child, "echo", text="still in step") == {"said": "still in step"}


async def test_a_long_request_and_its_answer_go_through(child: Child) -> None:
    text = "x" * 3_000_000

    assert await ask(child, "echo", text=text) == {"said": text}


async def test_a_worker_gets_its_variables_and_no_others(room: WorkerRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "1")
    child = await spawned(room, OMP_NUM_THREADS="1")

    found = await ask(child, "environment")

    assert {"OMP_NUM_THREADS", "MLTEST_CHILD", "PATH"} <= set(found["variables"])
    assert "SECRET_OF_THE_AGENT" not in found["variables"]
    assert found["folder"] == str(room.output(child, "x").parent)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT"])
async def test_a_crash_is_told_with_its_signal_and_last_words(child: Child, name: str) -> None:
    with pytest.raises(ChildCrashedError, match=f"signal {name}: last words"):
        await ask(child, "crash", signal=name)


async def test_a_crash_by_a_signal_without_a_name_is_told_with_its_number(child: Child) -> None:
    with pytest.raises(ChildCrashedError, match="signal 40: last words"):
        await ask(child, "crash", signal=40)


async def test_an_exit_is_told_with_its_status_also_afterwards(child: Child) -> None:
    with pytest.raises(ChildCrashedError, match="exit status 7"):
        await ask(child, "exit", status=7)
    with pytest.raises(ChildCrashedError, match="exit status 7"):
        await ask(child, "echo", text="anybody there?")


async def test_a_deadline_ends_the_worker(child: Child) -> None:
    await ask(child, "echo", text="it is up")

    with pytest.raises(DeadlineError, match=r"the test took longer than 0\.05 s"):
        await ask(child, "hang", timeout_s=0.05)

    await until_gone(child.pid)


async def test_a_paused_worker_answers_when_it_is_resumed(child: Child) -> None:
    await ask(child, "echo", text="it is up")
    child.pause()
    await until(child.pid, "T")
    asking = asyncio.ensure_future(ask(child, "echo", text="late"))
    assert state_of(child.pid) == "T"

    child.resume()

    assert await asking == {"said": "late"}


async def test_workers_of_one_room_take_turns(room: WorkerRoom) -> None:
    first, second = await spawned(room), await spawned(room)
    for turn in range(10):
        for one, other in ((first, second), (second, first)):
            other.pause()
            one.resume()
            assert await ask(one, "echo", text=str(turn)) == {"said": str(turn)}
            await until(other.pid, "T")


async def test_a_paused_worker_can_be_killed(child: Child) -> None:
    await ask(child, "echo", text="it is up")
    child.pause()
    await until(child.pid, "T")

    await child.kill()

    await until_gone(child.pid)


async def test_a_worker_over_its_memory_limit_says_so(room: WorkerRoom) -> None:
    child = await spawned(room, memory_bytes=300_000_000)

    with pytest.raises(ResourceLimitError):
        await ask(child, "allocate", size_bytes=400_000_000)

    assert await ask(child, "allocate", size_bytes=1000) == {"size": 1000}


@pytest.mark.promise(18)
async def test_a_grandchild_in_a_session_of_its_own_dies_with_the_worker(child: Child) -> None:
    grandchild = (await ask(child, "grandchild"))["pid"]
    assert os.getsid(grandchild) == grandchild

    await child.kill()
    await child.kill()

    await until_gone(grandchild)


@pytest.mark.promise(18)
async def test_closing_the_room_ends_every_worker_and_what_it_started(room: WorkerRoom) -> None:
    children = [await spawned(room) for _ in range(3)]
    grandchildren = [(await ask(child, "grandchild"))["pid"] for child in children]
    children[0].pause()

    await room.close()

    for pid in (*(child.pid for child in children), *grandchildren):
        assert state_of(pid) in ("", "Z", "X")
    for child in children:
        await child.kill()


async def test_a_worker_reads_what_is_brought_and_writes_what_is_fetched(
    room: WorkerRoom, child: Child, tmp_path: Path
) -> None:
    (tmp_path / "artifact").write_bytes(b"bytes of a model")

    where = await room.bring(tmp_path / "artifact")
    await ask(child, "copy", source=str(where), target=str(room.output(child, "predictions.npz")))

    assert await room.bring(tmp_path / "artifact") == where
    with await room.fetch(child, "predictions.npz") as stream:
        assert stream.read() == b"bytes of a model"
    with pytest.raises(PredictionError, match="the worker wrote no file"):
        await room.fetch(child, "predictions.npz")


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
async def test_only_a_regular_file_is_fetched(room: WorkerRoom, child: Child, kind: str) -> None:
    await ask(child, "forge", kind=kind, path=str(room.output(child, "predictions.npz")))

    with pytest.raises(PredictionError, match="the worker wrote no file"):
        await room.fetch(child, "predictions.npz")


async def test_the_time_of_workers_is_known(room: WorkerRoom, child: Child) -> None:
    from mltest.agent.host.processor_time import tree_ticks

    async def ticks() -> int:
        own = await room.own_time()
        return tree_ticks(Path("/"), own.pids) + own.unseen_ticks

    before = await ticks()
    await ask(child, "burn", ticks=20)

    assert 18 <= await ticks() - before <= 40


_AGENT = """
import asyncio, sys
from pathlib import Path
from mltest.shared.children.child import ChildLimits
from tests.contract.test_launchers import MODULE, ask, ExecLauncher, UnitLauncher

async def main(kind, folder, interpreter):
    launcher = UnitLauncher(Path(folder) / "worker.sock") if kind == "unit" else ExecLauncher()
    if kind == "exec":
        sys.executable = interpreter
    room = launcher.room(Path(folder))
    await room.open()
    child = await room.spawn(MODULE, limits=ChildLimits(), environment={})
    grandchild = (await ask(child, "grandchild"))["pid"]
    print(child.pid, grandchild, flush=True)
    await ask(child, "hang")

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("kind", ["exec", "unit"])
async def test_the_death_of_the_agent_ends_its_workers(tmp_path: Path, kind: str) -> None:
    interpreter = str(interpreter_that_sees_the_tests(tmp_path))
    with worker_unit(tmp_path, interpreter):
        agent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _AGENT, kind, str(tmp_path), interpreter), stdout=asyncio.subprocess.PIPE
        )
        assert agent.stdout is not None
        worker, grandchild = map(int, (await agent.stdout.readline()).split())

        agent.kill()
        await agent.wait()

        await until_gone(worker)
        if kind == "unit":
            await until_gone(grandchild)
        else:
            # The control group of the agent's unit ends it; see tests/system/test_booted_units.py.
            os.kill(grandchild, signal.SIGKILL)
