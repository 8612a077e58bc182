"""A client that watches one agent over an open stream: python -m tests.faults.watching_client ADDRESS."""

import sys

import grpc

from mltest.shared.grpc_options import channel_options
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1.agent_service_pb2_grpc import AgentServiceStub


def main() -> None:
    """Say "ready" when the stream stands, then follow it until it ends."""
    with grpc.insecure_channel(sys.argv[1], options=channel_options()) as channel:
        for _ in AgentServiceStub(channel).WatchAgent(pb.WatchAgentRequest()):
            sys.stdout.write("ready\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
