"""A visit is cancelled while it loads, compiles or measures: nothing of it is left after two seconds."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.shared.domain import Outcome, VisitEnded, VisitSpec
from mltest.shared.process_tree import MARK
from tests.integration.agent_peer import (
    DEADLINE_S,
    LATENCY,
    Files,
    Peer,
    candidate,
    connected,
    long_visit,
    pickled,
    visit,
    write_files,
    write_pickle,
)
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.promise(37)

LIMIT_S = 2.0
"""From the call to the last process: SIGKILL at once, so that nobody can ignore it."""

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("loads", file=sys.stderr, flush=True)
try:
    subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; sleep 1000"], start_new_session=True)
except OSError:
    pass
time.sleep(1000)
"""
COMPILER = """#!/bin/sh
[ "$1" = --version ] && exec echo stubborn
trap '' TERM
sleep 1000
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def agent(processes: ProcessGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    """An agent that opens pickles, and whose C compiler never ends."""
    compiler = tmp_path / "bin" / "cc"
    compiler.parent.mkdir()
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{compiler.parent}:{os.environ['PATH']}")
    return processes.agent(tmp_path / "agent", "--no-advertise", "--port", "0", "--allow-pickle")


@pytest.fixture
async def peer(agent: Running) -> AsyncIterator[Peer]:
    async with connected(agent.address) as peer:
        yield peer


async def ended_after_cancel(
    peer: Peer, agent: Running, spec: VisitSpec, has_begun: Callable[[list[str]], bool]
) -> float:
    """Cancel once the command lines of the visit's processes say so; return how long until none of them was left."""
    await peer.start(await peer.acquire(), spec)
    async with asyncio.timeout(DEADLINE_S):
        while not has_begun(list(children_of(agent).values())):
            await asyncio.sleep(0.05)
    ours = set(children_of(agent))
    epoch = await peer.acquire()
    begun_s = time.monotonic()
    await peer.cancel(epoch, spec)
    while ours & set(children_of(agent)):
        await asyncio.sleep(0.01)
    took_s = time.monotonic() - begun_s
    last = (await peer.events(spec))[-1].event
    assert isinstance(last, VisitEnded)
    assert (last.outcome, last.reason_code) == (Outcome.CANCELLED, "VISIT_INTERRUPTED")
    return took_s


def children_of(agent: Running) -> dict[str, str]:
    """Return the living processes of visits of `agent` with their command lines, by pid."""
    parent = f"MLTEST_PARENT_PID={agent.process.pid}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if parent in environment and any(one.startswith(f"{MARK}=".encode()) for one in environment):
                found[entry.name] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


@pytest.mark.promise(37)
async def test_a_visit_is_cancelled_while_a_model_loads_that_ignores_sigterm(
    peer: Peer, agent: Running, files: Files, tmp_path: Path
) -> None:
    evil = await peer.upload(write_pickle(tmp_path / "evil.pickle", STUBBORN))
    spec = visit(await peer.upload(files.data), pickled(evil))
    stderr = tmp_path / "agent" / "work"

    def loads(commands: list[str]) -> bool:
        return any(b"loads" in path.read_bytes() for path in stderr.rglob("stderr-*"))

    assert await ended_after_cancel(peer, agent, spec, loads) < LIMIT_S


@pytest.mark.promise(37)
async def test_a_visit_is_cancelled_while_a_compiler_runs_that_ignores_sigterm(
    peer: Peer, agent: Running, files: Files
) -> None:
    data, model = await peer.upload(files.data), await peer.upload(files.model)
    latency = replace(LATENCY, metrics=("native_latency_ns",))
    spec = replace(visit(data, candidate(model, "a")), latency=latency)

    def compiles(commands: list[str]) -> bool:
        return any("sleep 1000" in command for command in commands)

    assert await ended_after_cancel(peer, agent, spec, compiles) < LIMIT_S


@pytest.mark.promise(37)
async def test_a_visit_is_cancelled_while_slices_are_timed(peer: Peer, agent: Running, files: Files) -> None:
    data, model = await peer.upload(files.data), await peer.upload(files.model)
    spec = long_visit(visit(data, candidate(model, "a"), candidate(model, "b")))
    seen: list[str] = []

    async def follow() -> None:
        async for event in peer.attach(spec):
            seen.extend(series.metric for series in getattr(event.event, "series", ()))

    following = asyncio.create_task(_later(peer, spec, follow))
    assert await ended_after_cancel(peer, agent, spec, lambda _: "latency_ns" in seen) < LIMIT_S
    await following


async def _later(peer: Peer, spec: VisitSpec, follow: Callable[[], object]) -> None:
    """Follow the visit as soon as it is there."""
    import grpc.aio

    while True:
        try:
            await follow()  # type: ignore[misc]
        except grpc.aio.AioRpcError as error:
            if "There is no visit" not in (error.details() or ""):
                raise
            await asyncio.sleep(0.05)
        else:
            return
