"""The life of an agent's process: listen, look at the machine, be found, serve, say goodbye."""

import asyncio
import json
import logging
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from mltest.agent.agent import Agent, AgentConfig
from mltest.agent.copied_state import check_not_copied
from mltest.agent.front import Front, opened
from mltest.agent.listening import ListenChoice, join_host_port, reachable_addresses
from mltest.shared.errors import VisitInterruptedError
from mltest.shared.naming import SECURITY_LOOPBACK, SECURITY_NONE, SECURITY_TLS, Advertisement
from mltest.shared.notify import READY, STOPPING, feed_watchdog, notify
from mltest.shared.protocol import PROTOCOL_VERSION
from mltest.shared.state import locked_state
from mltest.shared.trust.book import TrustBook
from mltest.shared.trust.local_peers import LocalPeers, Publication
from mltest.shared.trust.peers import COORDINATOR

_LOG = logging.getLogger(__name__)

_LOOK_S = 1.0
"""How soon a change of keys or peers is acted on."""


async def serve(config: AgentConfig, listening: ListenChoice, *, folder: Path, advertises: bool) -> None:
    """Serve until SIGTERM or SIGINT; `folder` keeps identity, peers, blobs and the epoch.

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
        local = LocalPeers()
        book = TrustBook(folder, roles=(COORDINATOR,), local=local)
        agent = Agent(config, folder)
        front = Front(agent, book)
        port = await front.bind(listening)
        agent.start_probing()
        presence = _Presence(agent, front, book, local, listening=listening, port=port, advertises=advertises)
        presence.publish()
        await front.start()
        _say_listening(agent, listening, port)
        background = [asyncio.create_task(feed_watchdog()), asyncio.create_task(presence.keep())]
        await stopping.wait()
        notify(STOPPING)
        await agent.stop(VisitInterruptedError(detail=f"agent {agent.name} is shutting down"))
        for task in background:
            task.cancel()
        await asyncio.wait(background)
        await front.close()


class _Presence:
    """How others find the agent: on this machine by a file, on the network by mDNS; both follow what changes."""

    def __init__(
        self,
        agent: Agent,
        front: Front,
        book: TrustBook,
        local: LocalPeers,
        *,
        listening: ListenChoice,
        port: int,
        advertises: bool,
    ) -> None:
        self._agent, self._front, self._book, self._local = agent, front, book, local
        self._listening = listening
        self._port = port
        self._advertises = advertises
        self._published = ""
        self._publication: Publication | None = None

    def publish(self) -> None:
        """Let processes of this user know the newest key and the address."""
        keys = self._book.keys
        if keys.current.device_id == self._published:
            return
        old = self._publication
        address = join_host_port(self._listening.host, self._port)
        self._publication = self._local.publish(keys.current, address=address, is_clear=self._listening.is_insecure)
        self._published = keys.current.device_id
        if old is not None:
            old.close()

    async def keep(self) -> None:
        """Follow keys and peers until this task is cancelled, then say goodbye."""
        advertising = self._advertising()
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                self.publish()
                if self._listening.opens_when_joined and self._book.pins():
                    self._listening = opened(self._listening)
                    await self._front.open_to_network(self._port)
                    _say_where(self._agent, self._listening, self._port)
                    await _ended(advertising)
                    advertising = self._advertising()
        finally:
            if self._publication is not None:
                self._publication.close()
            await _ended(advertising)

    def _advertising(self) -> "asyncio.Task[None]":
        if self._advertises:
            return asyncio.create_task(_be_found(self._agent, self._listening, self._port))
        return asyncio.create_task(asyncio.sleep(0))


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
        security=_security(listening),
    )
    advertiser = Advertiser(listening.host)
    try:
        await advertiser.announce(advertisement)
        info = await agent.info()
        await advertiser.announce(replace(advertisement, digest=info.capability_digest))
        await asyncio.Event().wait()
    finally:
        await advertiser.stop()


def _security(listening: ListenChoice) -> str:
    if listening.is_insecure:
        return SECURITY_NONE
    return SECURITY_LOOPBACK if ip_address(listening.host).is_loopback else SECURITY_TLS


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


def _say_listening(agent: Agent, listening: ListenChoice, port: int) -> None:
    """Tell whoever started this process where it listens: one line of JSON on standard output."""
    _say_where(agent, listening, port)
    address = join_host_port(listening.host, port)
    line = {"event": "listening", "address": address, "agent_id": agent.agent_id, "name": agent.name}
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    notify(READY)


def _say_where(agent: Agent, listening: ListenChoice, port: int) -> None:
    where = ", ".join(f"{address}:{port}" for address in reachable_addresses(listening.host))
    _LOG.info("agent %s listens on %s", agent.name, where)
    if listening.is_insecure:
        _LOG.warning("--insecure: every user of this machine can run models here, in the clear")
    elif listening.opens_when_joined:
        _LOG.info("only this machine reaches it until it is joined: mltest-agent join -")
