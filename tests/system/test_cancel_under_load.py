"""A cancellation does not wait behind data."""

import asyncio
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from mltest.shared.domain import CandidateEnded, Outcome, SampleBatch, VisitEnded, VisitSpec
from tests.faults.memory import MIB
from tests.integration.agent_peer import Peer, candidate, connected, long_visit, visit, write_files
from tests.processes import ProcessGroup

CLEAR = ("--insecure", "--listen", "127.0.0.1", "--port", "0", "--no-advertise")
DEADLINE_S = 120.0
STREAMS = 16
TRIES = 3
"""A cancellation that waits behind data does so every time; one that waits for a processor, only sometimes."""


@contextmanager
def busy_streams(address: str, sha256: str) -> Iterator[subprocess.Popen[str]]:
    """Keep sixteen streams of one connection busy, from another process."""
    command = [sys.executable, "-m", "tests.faults.downloading_client", address, sha256, str(STREAMS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.promise(38)
async def test_a_visit_is_cancelled_within_a_second_while_sixteen_streams_carry_data(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    files = write_files(tmp_path)
    ballast = tmp_path / "ballast"
    ballast.write_bytes(os.urandom(8 * MIB))
    agent = processes.agent(tmp_path / "agent", *CLEAR)
    taken_s: list[float] = []
    async with asyncio.timeout(DEADLINE_S), connected(agent.address) as peer:
        sha256 = await peer.upload(ballast)
        data, model = await peer.upload(files.data), await peer.upload(files.model)
        epoch = await peer.acquire()
        while len(taken_s) < TRIES and min(taken_s, default=math.inf) > 1.0:
            spec = long_visit(visit(data, candidate(model, "a")))
            taken_s.append(await cancelled_s(peer, epoch, spec, lambda: busy_streams(agent.address, sha256)))
    assert min(taken_s) <= 1.0, taken_s


async def cancelled_s(
    peer: Peer, epoch: int, spec: VisitSpec, load: Callable[[], AbstractContextManager[subprocess.Popen[str]]]
) -> float:
    """Start a visit and cancel it once samples arrive, under load; return how long the cancellation took."""
    clock = asyncio.get_running_loop().time
    await peer.start(epoch, spec)
    events = peer.attach(spec)
    while not isinstance((await anext(events)).event, SampleBatch):
        pass
    with load() as busy:
        start_s = clock()
        await peer.cancel(epoch, spec)
        took_s = clock() - start_s
        assert busy.poll() is None
    ends = [event.event async for event in events if isinstance(event.event, CandidateEnded | VisitEnded)]
    assert [(end.outcome, end.reason) for end in ends if end.outcome is not Outcome.CANCELLED] == []
    assert isinstance(ends[-1], VisitEnded)
    return took_s
