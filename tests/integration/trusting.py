"""Servers in the process of the test, and clients of every kind."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mltest.agent.agent import Agent, AgentConfig
from mltest.agent.front import Front
from mltest.agent.listening import ListenChoice
from mltest.agent.probe.capabilities import Capabilities
from mltest.coordinator.engine import Coordinator
from mltest.coordinator.server import CoordinatorServer
from mltest.shared.domain import HostInfo
from mltest.shared.errors import VisitInterruptedError
from mltest.shared.grpc_options import channel_options
from mltest.shared.trust.book import TrustBook
from mltest.shared.trust.identity import Identity, keys_in, made_here
from mltest.shared.trust.local_peers import LocalPeers
from mltest.shared.trust.peers import COORDINATOR, Peer, Peers
from mltest.v1 import agent_service_pb2, blob_service_pb2, coordinator_service_pb2
from mltest.v1.agent_service_pb2_grpc import AgentServiceStub
from mltest.v1.blob_service_pb2_grpc import BlobServiceStub
from mltest.v1.coordinator_service_pb2_grpc import CoordinatorServiceStub

DEADLINE_S = 30.0

Call = Callable[[grpc.aio.Channel], Awaitable[object]]


@dataclass(slots=True)
class Handled(grpc.aio.ServerInterceptor):
    """Counts the handlers that ran, behind whatever stands before them."""

    methods: list[str] = field(default_factory=list)

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        handler = await continuation(handler_call_details)
        assert handler is not None
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[handler.request_streaming, handler.response_streaming]
        behaviour: Any = handler.unary_unary or handler.stream_unary or handler.unary_stream or handler.stream_stream

        async def answering(request: Any, context: Any) -> Any:
            self.methods.append(handler_call_details.method)
            return await behaviour(request, context)

        async def streaming(request: Any, context: Any) -> AsyncIterator[Any]:
            self.methods.append(handler_call_details.method)
            async for response in behaviour(request, context):
                yield response

        counted: Any = streaming if inspect.isasyncgenfunction(behaviour) else answering
        return make(counted, handler.request_deserializer, handler.response_serializer)


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> Handled:
    """Counts the handlers of every server that the test makes."""
    counter, original = Handled(), grpc.aio.server

    def server(*, interceptors: Sequence[Any] = (), **options: Any) -> grpc.aio.Server:
        return original(interceptors=[*interceptors, counter], **options)

    monkeypatch.setattr(grpc.aio, "server", server)
    return counter


@dataclass(frozen=True, slots=True)
class Served:
    """A server with the state directory that says whom it trusts."""

    address: str
    state: Path
    role: str
    """Whom it serves: coordinator or client."""

    @property
    def identity(self) -> Identity:
        return keys_in(self.state).current

    def trust(self, identity: Identity) -> None:
        Peers(self.state).put(
            Peer(device_id=identity.device_id, certificate_pem=identity.certificate_pem, role=self.role, name="test")
        )

    def revoke(self, identity: Identity) -> None:
        assert Peers(self.state).remove(identity.device_id)

    def channel(self, client: Identity | None) -> grpc.aio.Channel:
        """Return a channel that expects the right server; None: a client without a certificate."""
        root, own = self.identity.certificate_pem.encode(), self.identity.device_id
        pair = (client.key_pem.encode(), client.certificate_pem.encode()) if client else (None, None)
        options = [*channel_options(), ("grpc.ssl_target_name_override", own)]
        return grpc.aio.secure_channel(self.address, grpc.ssl_channel_credentials(root, *pair), options=options)


@asynccontextmanager
async def served_agent(state: Path, *, name: str = "lab-1") -> AsyncIterator[Served]:
    """An agent that serves coordinators; it does not look at its machine, and says that it has nothing to offer."""
    state.mkdir(mode=0o700)
    local = LocalPeers()
    book = TrustBook(state, roles=(COORDINATOR,), local=local, make=made_here)
    agent = Agent(AgentConfig(name=name, cache_bytes=10**9), state)
    front = Front(agent, book)
    port = await front.bind(ListenChoice(host="127.0.0.1", port=0, is_insecure=False))
    agent._probing = asyncio.create_task(_nothing())
    await front.start()
    yield Served(f"127.0.0.1:{port}", state, COORDINATOR)
    await agent.stop(VisitInterruptedError(detail="the test is over"))
    await front.close()


async def _nothing() -> Capabilities:
    host = HostInfo(architecture="x86_64", cpu_model="", logical_cores=1, memory_bytes=1, os="", kernel="")
    return Capabilities(software_version="0", host=host)


@asynccontextmanager
async def served_coordinator(state: Path) -> AsyncIterator[Served]:
    """A coordinator that serves clients."""
    coordinator = await Coordinator.open(state, runs_jobs=True)
    server = await CoordinatorServer.start(coordinator, state, listen="127.0.0.1", port=0)
    yield Served(server.tcp_address, state, "client")
    await server.stop()
    await coordinator.close()


async def _first(responses: Any) -> object:
    return await anext(aiter(responses))


AGENT_CALLS: dict[str, Call] = {
    "AgentService": lambda channel: _first(
        AgentServiceStub(channel).WatchAgent(agent_service_pb2.WatchAgentRequest(), timeout=DEADLINE_S)
    ),
}
COORDINATOR_CALLS: dict[str, Call] = {
    "CoordinatorService": lambda channel: CoordinatorServiceStub(channel).ListJobs(
        coordinator_service_pb2.ListJobsRequest(), timeout=DEADLINE_S
    ),
}
COMMON_CALLS: dict[str, Call] = {
    "BlobService": lambda channel: BlobServiceStub(channel).GetBlobStatus(
        blob_service_pb2.GetBlobStatusRequest(sha256="0" * 64), timeout=DEADLINE_S
    ),
    "Health": lambda channel: health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(), timeout=DEADLINE_S
    ),
    "HealthWatch": lambda channel: _first(
        health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
    ),
    "ServerReflection": lambda channel: _first(
        reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=DEADLINE_S
        )
    ),
}
SERVERS = {
    "agent": (served_agent, AGENT_CALLS | COMMON_CALLS),
    "coordinator": (served_coordinator, COORDINATOR_CALLS | COMMON_CALLS),
}


async def refused(calls: dict[str, Call], channel: grpc.aio.Channel) -> set[grpc.StatusCode]:
    """Make each call; return with what they were refused."""
    codes = set()
    for call in calls.values():
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(channel)
        codes.add(error.value.code())
    return codes
