"""A real agent process to measure."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

PROGRAM = Path(sys.executable).parent / "mltest-agent"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that listens on loopback and knows what it offers."""

    process: psutil.Process
    address: str
    listening_s: float
    """From its start until it listened."""
    idle_rss_bytes: int

    def peak_rss_bytes(self) -> int:
        """Return the largest resident memory so far (VmHWM)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024


@contextmanager
def running_agent(state: Path, *options: str) -> Iterator[Agent]:
    """Start an agent, wait until it has found out what it offers, and stop it afterwards."""
    begin = time.perf_counter()
    popen = subprocess.Popen(
        [PROGRAM, "serve", "--state-dir", state, "--port", "0", "--no-advertise", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert popen.stdout is not None
        line = json.loads(popen.stdout.readline())
        listening_s = time.perf_counter() - begin
        process = psutil.Process(popen.pid)
        _wait_until_described(line["address"])
        yield Agent(process, line["address"], listening_s, process.memory_info().rss)
    finally:
        popen.terminate()
        popen.communicate()


def _wait_until_described(address: str) -> None:
    asyncio.run(_describe(address))


async def _describe(address: str) -> None:
    from mltest.shared.grpc_options import channel_options
    from mltest.shared.protocol import PROTOCOL_VERSION
    from mltest.shared.trust.local_door import local_door
    from mltest.v1 import agent_service_pb2, agent_service_pb2_grpc

    async with local_door(address).channel(address, channel_options()) as channel:
        stub = agent_service_pb2_grpc.AgentServiceStub(channel)
        request = agent_service_pb2.DescribeAgentRequest(protocol_version=PROTOCOL_VERSION)
        await stub.DescribeAgent(request, timeout=120)
