"""A client of one agent that behaves, in a process of its own: python -m tests.faults.honest_client ADDRESS.

It asks without a pause who the agent is, over one connection, until its standard input is closed; then it writes what
it saw as one line of JSON. While it is being attacked, its times are those of any user who was connected before.
"""

import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from mltest.shared.grpc_options import channel_options
from mltest.shared.protocol import PROTOCOL_VERSION
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1.agent_service_pb2_grpc import AgentServiceStub

_START_TIMEOUT_S = 120.0
"""An agent that has just started answers when it has tried its runtimes."""
_TIMEOUT_S = 10.0
_PAUSE_S = 0.01


@dataclass(slots=True)
class Seen:
    """What the client saw."""

    times_s: list[float] = field(default_factory=list)
    """Of each call that was answered."""
    failures: list[str] = field(default_factory=list)

    @property
    def p99_s(self) -> float:
        """99th percentile of the times."""
        ordered = sorted(self.times_s)
        return ordered[int(0.99 * (len(ordered) - 1))]


@contextmanager
def honest_client(address: str) -> Iterator[Seen]:
    """Let a client ask the agent at `address` for as long as the block takes; what it saw is there afterwards."""
    command = [sys.executable, "-m", "tests.faults.honest_client", address]
    seen = Seen()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield seen
        finally:
            process.stdin.close()
            found: dict[str, Any] = json.loads(process.stdout.readline())
            seen.times_s, seen.failures = found["times_s"], found["failures"]


def main() -> None:
    """Ask until nobody listens any more."""
    seen = Seen()
    with grpc.insecure_channel(sys.argv[1], options=channel_options()) as channel:
        stub = AgentServiceStub(channel)
        request = pb.DescribeAgentRequest(protocol_version=PROTOCOL_VERSION)
        stub.DescribeAgent(request, timeout=_START_TIMEOUT_S)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not (select.select([sys.stdin], [], [], _PAUSE_S)[0] and (seen.times_s or seen.failures)):
            start_s = time.perf_counter()
            try:
                stub.DescribeAgent(request, timeout=_TIMEOUT_S)
                seen.times_s.append(time.perf_counter() - start_s)
            except grpc.RpcError as error:
                seen.failures.append(str(error))
    json.dump({"times_s": seen.times_s, "failures": seen.failures}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
