"""A visit is cancelled while it loads, compiles or measures: nothing of it is left after two seconds."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mltest.shared.domain import Outcome, VisitEnded, VisitSpec
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
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("loads").write_text("")
time.sleep(1000)
"""
COMPILING = "mltest.agent.native"
"""In the command line of the child that compiles."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agent")


@pytest.fixture(scope="module")
def agent(state: Path) -> Iterator[Running]:
    group = ProcessGroup()
    runtimes = "scikit-learn,onnxruntime"
    yield group.agent(state, "--no-advertise", "--port", "0", "--allow-pickle", runtimes=runtimes)
    group.end()


@pytest.fixture
async def peer(agent: Running) -> AsyncIterator[Peer]:
    async with connected(agent.address) as peer:
        yield peer


async def ended_after_cancel(peer: Peer, agent: Running, spec: VisitSpec, has_begun: Callable[[], bool]) -> float:
    """Cancel once `has_begun` says so; return how long until no process of the visit was left."""
    await peer.start(await peer.acquire(), spec)
    async with asyncio.timeout(DEADLINE_S):
        while not has_begun():
            await asyncio.sleep(0.005)
    ours = children_of(agent)
    assert ours
    epoch = await peer.acquire()
    begun_s = time.monotonic()
    await peer.cancel(epoch, spec)
    while any(map(is_alive, ours)):
        await asyncio.sleep(0.01)
    took_s = time.monotonic() - begun_s
    last = (await peer.events(spec))[-1].event
    assert isinstance(last, VisitEnded)
    assert (last.outcome, last.reason_code) == (Outcome.CANCELLED, "VISIT_INTERRUPTED")
    return took_s


def children_of(agent: Running) -> list[psutil.Process]:
    return psutil.Process(agent.process.pid).children(recursive=True)


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.promise(37)
async def test_a_visit_is_cancelled_while_a_model_loads_that_ignores_sigterm(
    peer: Peer, agent: Running, state: Path, files: Files, tmp_path: Path
) -> None:
    evil = await peer.upload(write_pickle(tmp_path / "evil.pickle", STUBBORN))
    spec = visit(await peer.upload(files.data), pickled(evil))

    def loads() -> bool:
        return any((state / "work").rglob("loads"))

    assert await ended_after_cancel(peer, agent, spec, loads) < LIMIT_S


@pytest.mark.promise(37)
async def test_a_visit_is_cancelled_while_a_compiler_hangs(peer: Peer, agent: Running, files: Files) -> None:
    data, model = await peer.upload(files.data), await peer.upload(files.model)
    latency = replace(LATENCY, metrics=("native_latency_ns",))
    spec = replace(visit(data, candidate(model, "a")), latency=latency)

    def compiles() -> bool:
        """Return whether there is a child that compiles, which then does not go on."""
        compiling = [child for child in children_of(agent) if COMPILING in " ".join(child.cmdline())]
        for child in compiling:
            child.suspend()
        return bool(compiling)

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
    assert await ended_after_cancel(peer, agent, spec, lambda: "latency_ns" in seen) < LIMIT_S
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
