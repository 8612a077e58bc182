"""Many agents in one process: real gRPC servers that answer DescribeAgent and nothing else.

python -m tests.faults.light_agents COUNT. Says its addresses as one line of JSON; then serves until it is killed, and
answers each line on its input with the calls since the last one: when each began and ended, in seconds of the monotonic
clock. An answer takes a quarter of a second, so that calls which are made together are seen together.
"""

import asyncio
import json
import sys
import time

import grpc
import grpc.aio

from mltest.shared.codec import to_proto
from mltest.shared.domain import AgentInfo, HostInfo
from mltest.shared.grpc_options import server_options
from mltest.shared.protocol import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from mltest.shared.trust.identity import identity_from_pem
from mltest.shared.trust.local_peers import LocalPeers
from mltest.shared.trust.new_identity import new_identity_pem
from mltest.v1 import agent_pb2
from mltest.v1 import agent_service_pb2 as pb

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["AgentService"].full_name
_HOST = HostInfo(architecture="x86_64", cpu_model="", logical_cores=1, memory_bytes=1, os="", kernel="")


ANSWER_S = 0.25


class _LightAgent:
    def __init__(self, name: str, device_id: str, calls_s: list[tuple[float, float]]) -> None:
        self._calls_s = calls_s
        self._info = AgentInfo(
            agent_id=device_id,
            name=name,
            protocol_version=PROTOCOL_VERSION,
            min_protocol_version=MIN_PROTOCOL_VERSION,
            software_version="light",
            host=_HOST,
            instance_id=name.encode().hex().rjust(16, "0")[:16],
        )

    async def describe(self, request: pb.DescribeAgentRequest, context: object) -> pb.DescribeAgentResponse:
        begin_s = time.monotonic()
        await asyncio.sleep(ANSWER_S)
        self._calls_s.append((begin_s, time.monotonic()))
        return pb.DescribeAgentResponse(agent=to_proto(self._info, agent_pb2.AgentInfo))


async def main(prefix: str, count: int) -> None:
    """Serve until nobody listens any more."""
    calls_s: list[tuple[float, float]] = []
    addresses: list[str] = []
    kept: list[object] = []
    peers = LocalPeers()
    for number in range(count):
        server = grpc.aio.server(options=server_options())
        identity = identity_from_pem(new_identity_pem())
        agent = _LightAgent(f"{prefix}{number:04}", identity.device_id, calls_s)
        handlers = {
            "DescribeAgent": grpc.unary_unary_rpc_method_handler(
                agent.describe, pb.DescribeAgentRequest.FromString, pb.DescribeAgentResponse.SerializeToString
            )
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE_NAME, handlers),))
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        addresses.append(address)
        kept += [server, peers.publish(identity, address=address, is_clear=True)]
    _say(addresses)
    while await asyncio.to_thread(sys.stdin.readline):
        _say(calls_s)
        calls_s.clear()


def _say(content: object) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
