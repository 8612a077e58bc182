"""A peer that stops without a word is noticed within 30 seconds, from both sides, also on an open stream."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import grpc.aio
import psutil
import pytest

from tests.integration.agent_peer import Peer, connected
from tests.processes import ProcessGroup, Running

pytestmark = pytest.mark.xdist_group("silent peers")

CLEAR = ("--insecure", "--listen", "127.0.0.1", "--port", "0", "--no-advertise")
NOTICED_S = 30.0
LATE_S = 8.0
"""What a loaded machine may add to it."""
DEADLINE_S = 60.0


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Freeze a process: its connections stand, and nobody answers."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def watching_client(address: str) -> Iterator[int]:
    """Run a client with an open stream, and return its pid."""
    command = [sys.executable, "-m", "tests.faults.watching_client", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.kill()


async def stream_broke_s(peer: Peer, agent: Running) -> float:
    """Stop the agent; return how long an open stream of it goes on."""
    clock = asyncio.get_running_loop().time
    states = peer.watch()
    await anext(states)
    start_s = clock()
    with stopped(agent.process.pid), pytest.raises(grpc.aio.AioRpcError) as noticed:
        await anext(states)
    assert noticed.value.code() is grpc.StatusCode.UNAVAILABLE
    return clock() - start_s


async def client_was_lost_s(agent: Running) -> float:
    """Stop a client; return how long its connection to the agent stands."""
    clock = asyncio.get_running_loop().time
    with watching_client(agent.address) as pid:
        assert connections_to(agent) == 1
        start_s = clock()
        with stopped(pid):
            while connections_to(agent):
                await asyncio.sleep(0.1)
        return clock() - start_s


def connections_to(agent: Running) -> int:
    found = psutil.Process(agent.process.pid).net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED for one in found)


@pytest.mark.promise(44)
async def test_whichever_side_stops_the_other_notices_within_thirty_seconds(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    """Both sides at once, since each waits for most of the thirty seconds."""
    stopping = processes.agent(tmp_path / "stopping", *CLEAR)
    serving = processes.agent(tmp_path / "serving", *CLEAR)
    async with asyncio.timeout(DEADLINE_S), connected(stopping.address) as peer:
        broke_s, lost_s = await asyncio.gather(stream_broke_s(peer, stopping), client_was_lost_s(serving))
    assert broke_s <= NOTICED_S + LATE_S, "the agent stopped: its open stream goes on for so long"
    assert lost_s <= NOTICED_S + LATE_S, "a client stopped: it keeps its connection and its stream for so long"
