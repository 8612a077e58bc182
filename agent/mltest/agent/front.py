"""The agent's gRPC servers: one from its start; more of them once it was joined and may listen to the network."""

import asyncio
import logging
import time
from dataclasses import replace

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mltest.agent.agent import Agent
from mltest.agent.listening import EVERYWHERE, ListenChoice, bind, reachable_addresses
from mltest.agent.pairing_service import SERVICE_NAME as PAIRING_SERVICE_NAME
from mltest.agent.pairing_service import PairingService
from mltest.agent.service import SERVICE_NAME, AgentService
from mltest.shared.blobs.service import add_blob_service
from mltest.shared.errors import RequestInvalidError
from mltest.shared.grpc_server import new_server
from mltest.shared.trust.book import TrustBook
from mltest.shared.trust.guard import TrustGuard
from mltest.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server
from mltest.v1.pairing_service_pb2_grpc import add_PairingServiceServicer_to_server

_LOG = logging.getLogger(__name__)

_SERVICES = (SERVICE_NAME, PAIRING_SERVICE_NAME, "mltest.v1.BlobService")
_STREAMS_END_S = 0.5
"""How long streams get to pass on the end of a cancelled visit."""


class Front:
    """Serves `agent` to whom `book` trusts."""

    def __init__(self, agent: Agent, book: TrustBook) -> None:
        self._agent = agent
        self._book = book
        self._bound: list[tuple[grpc.aio.Server, TrustGuard]] = []
        self._servers: list[grpc.aio.Server] = []
        self._guards: list[asyncio.Task[None]] = []

    async def bind(self, choice: ListenChoice) -> int:
        """Take a place to listen at, and return its port; calls are taken from `start` on.

        Raises:
            RequestInvalidError: it cannot listen there.

        """
        guard = TrustGuard(self._book, serves_clear=choice.is_insecure)
        server = new_server(interceptors=[guard])
        port = bind(server, choice, None if choice.is_insecure else self._book.credentials())
        await self._add_services(server)
        self._bound.append((server, guard))
        return port

    async def start(self) -> None:
        """Serve wherever a place was taken."""
        bound, self._bound = self._bound, []
        for server, guard in bound:
            await server.start()
            self._servers.append(server)
            self._guards.append(asyncio.create_task(guard.watch()))

    async def open_to_network(self, port: int) -> None:
        """Serve on every address of this machine too, at the port that is open on loopback already."""
        for host in reachable_addresses(EVERYWHERE):
            try:
                await self.bind(ListenChoice(host=host, port=port, is_insecure=False))
            except RequestInvalidError as error:
                _LOG.warning("%s", error.message)
        await self.start()

    async def close(self) -> None:
        """Take no more calls, and end those that go on."""
        for guard in self._guards:
            guard.cancel()
        await asyncio.gather(*self._guards, return_exceptions=True)
        await asyncio.gather(*(server.stop(_STREAMS_END_S) for server in self._servers))

    async def _add_services(self, server: grpc.aio.Server) -> None:
        add_AgentServiceServicer_to_server(AgentService(self._agent.parts()), server)
        pairing = PairingService(
            self._book, agent_id=self._agent.agent_id, agent_name=self._agent.name, clock_s=time.time
        )
        add_PairingServiceServicer_to_server(pairing, server)
        add_blob_service(server, self._agent.store)
        health_service = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
        for name in ("", *_SERVICES):
            await health_service.set(name, health_pb2.HealthCheckResponse.SERVING)
        reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)


def opened(choice: ListenChoice) -> ListenChoice:
    """Return what `choice` becomes once the agent was joined."""
    return replace(choice, host=EVERYWHERE, opens_when_joined=False)
