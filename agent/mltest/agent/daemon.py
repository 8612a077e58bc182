"""The life of an agent's process: listen, look at the machine, be found, serve, say goodbye."""

import asyncio
import json
import logging
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mltest.agent.agent import Agent, AgentConfig
from mltest.agent.copied_state import check_not_copied
from mltest.agent.listening import ListenChoice, bind, join_host_port, reachable_addresses
from mltest.agent.service import SERVICE_NAME, AgentService
from mltest.shared.blob_service import add_blob_service
from mltest.shared.errors import VisitInterruptedError
from mltest.shared.grpc_server import new_server
from mltest.shared.naming import SECURITY_LOOPBACK, SECURITY_NONE, Advertisement
from mltest.shared.notify import READY, STOPPING, feed_watchdog, notify
from mltest.shared.protocol import PROTOCOL_VERSION
from mltest.shared.state import locked_state
from mltest.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server

_LOG = logging.getLogger(__name__)

_SERVICES = (SERVICE_NAME, "mltest.v1.BlobService")
_STREAMS_END_S = 0.5
"""How long streams get to pass on the end of a cancelled visit."""


async def serve(config: AgentConfig, listening: ListenChoice, *, folder: Path, advertises: bool) -> None:
    """Serve until SIGTERM or SIGINT; `folder` keeps identity, blobs and the epoch.

    Raises:
        StoreBusyError: another agent uses `folder`.
        IdentityCopiedError: `folder` is a copy of that of another machine.
        RequestInvalidError: it cannot listen there.

    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with locked_state(folder):
        check_not_copied(folder)
        agent = Agent(config, folder)
        server = new_server()
        port = bind(server, listening)
        await _add_services(server, agent)
        agent.start_probing()
        await server.start()
        _say_listening(agent, listening, port)
        background = [asyncio.create_task(feed_watchdog())]
        if advertises:
            background.append(asyncio.create_task(_be_found(agent, listening, port)))
        await stopping.wait()
        notify(STOPPING)
        await agent.stop(VisitInterruptedError(detail=f"agent {agent.name} is shutting down"))
        for task in background:
            task.cancel()
        await asyncio.wait(background)
        await server.stop(_STREAMS_END_S)


async def _add_services(server: grpc.aio.Server, agent: Agent) -> None:
    add_AgentServiceServicer_to_server(AgentService(agent.parts()), server)
    add_blob_service(server, agent.store)
    health_service = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
    for name in ("", *_SERVICES):
        await health_service.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)


async def _be_found(agent: Agent, listening: ListenChoice, port: int) -> None:
    """Advertise the agent until this task is cancelled, then say goodbye."""
    # Imported once the agent listens: nobody has to wait for it.
    from mltest.agent.advertise import Advertiser

    advertisement = Advertisement(
        agent_id=agent.agent_id,
        instance_id=agent.instance_id,
        name=agent.name,
        protocol_version=PROTOCOL_VERSION,
        port=port,
        security=SECURITY_NONE if listening.is_insecure else SECURITY_LOOPBACK,
    )
    advertiser = Advertiser(listening.host)
    try:
        await advertiser.announce(advertisement)
        info = await agent.info()
        await advertiser.announce(replace(advertisement, digest=info.capability_digest))
        await asyncio.Event().wait()
    finally:
        await advertiser.stop()


def _say_listening(agent: Agent, listening: ListenChoice, port: int) -> None:
    """Tell whoever started this process where it listens: one line of JSON on standard output."""
    address = join_host_port(listening.host, port)
    line = {"event": "listening", "address": address, "agent_id": agent.agent_id, "name": agent.name}
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    notify(READY)
    where = ", ".join(f"{address}:{port}" for address in reachable_addresses(listening.host))
    _LOG.info("agent %s listens on %s", agent.name, where)
    if listening.is_insecure:
        _LOG.warning(
            "--insecure: anybody who reaches this port can run models on this machine, and every byte crosses the "
            "network in the clear; use it in trusted networks only, until agents can be paired"
        )
