"""A cancellation does not wait behind data."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mltest.shared.domain import CandidateEnded, Outcome, SampleBatch, VisitEnded
from tests.faults.memory import MIB
from tests.integration.agent_peer import candidate, connected, long_visit, visit, write_files
from tests.processes import ProcessGroup

CLEAR = ("--insecure", "--listen", "127.0.0.1", "--port", "0", "--no-advertise")
DEADLINE_S = 120.0
STREAMS = 16


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
    clock = asyncio.get_running_loop().time
    async with asyncio.timeout(DEADLINE_S), connected(agent.address) as peer:
        sha256 = await peer.upload(ballast)
        spec = long_visit(visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a")))
        epoch = await peer.acquire()
        await peer.start(epoch, spec)
        events = peer.attach(spec)
        while not isinstance((await anext(events)).event, SampleBatch):
            pass
        with busy_streams(agent.address, sha256) as busy:
            start_s = clock()
            await peer.cancel(epoch, spec)
            took_s = clock() - start_s
            assert busy.poll() is None
        ends = [event.event async for event in events if isinstance(event.event, CandidateEnded | VisitEnded)]
    assert took_s <= 1.0
    assert [(end.outcome, end.reason) for end in ends if end.outcome is not Outcome.CANCELLED] == []
    assert isinstance(ends[-1], VisitEnded)
