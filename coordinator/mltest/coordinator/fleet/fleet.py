"""The fleet: agents found by mDNS, named by address, or known from before; each asked who it is."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mltest.coordinator.fleet.agent_client import AgentClient
from mltest.coordinator.fleet.browse import Browser
from mltest.coordinator.store import Store
from mltest.coordinator.store.store_thread import StoreThread
from mltest.shared.domain import AgentInfo, AgentUse, FleetAgent
from mltest.shared.errors import MltestError, ProtocolMismatchError

STATIC, MDNS, KNOWN = "static", "mdns", "known"
_PARALLEL_QUESTIONS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Where an agent may be."""

    addresses: tuple[str, ...]
    source: str
    name: str = ""
    """As advertised or remembered; empty if only an address is known."""
    agent_id: str = ""
    known: FleetAgent | None = None
    """What was stored when it answered last."""


class Fleet:
    """Finds agents; those that answer are remembered."""

    def __init__(self, store: Store, thread: StoreThread) -> None:
        self._store = store
        self._thread = thread
        self._browser = Browser()
        self._slots = asyncio.Semaphore(_PARALLEL_QUESTIONS)

    async def survey(self, addresses: Sequence[str], *, uses_discovery: bool) -> tuple[FleetAgent, ...]:
        """Return every agent by name, alive or gone; each lead was followed just now.

        Without discovery only `addresses` are asked, with it also agents known from before.
        """
        leads = [Lead(addresses=(address,), source=STATIC) for address in addresses]
        if uses_discovery:
            leads += [*await self._advertised(), *await self._known()]
        found = await asyncio.gather(*(self._ask(lead) for lead in leads))
        agents = _merged(found)
        for agent in agents:
            if agent.agent is not None and is_usable(agent):
                await self._thread.run(self._store.agents.put, agent.address, agent.agent)
        return agents

    async def locate(self, agent_id: str, last_address: str, *, uses_discovery: bool) -> str | None:
        """Return the address at which the agent `agent_id` answers now, there or where it is advertised."""
        sightings = self._browser.sightings() if uses_discovery else ()
        seen = [
            address for found in sightings if found.advertisement.agent_id == agent_id for address in found.addresses
        ]
        for address in dict.fromkeys((last_address, *seen)):
            try:
                if (await describe_agent(address)).agent_id == agent_id:
                    return address
            except MltestError:
                continue
        return None

    async def listen(self) -> None:
        """Begin to listen for advertised agents; `survey` does that where it needs it."""
        await self._browser.start()

    async def close(self) -> None:
        """Stop listening."""
        await self._browser.close()

    async def _advertised(self) -> list[Lead]:
        await self.listen()
        return [
            Lead(
                addresses=sighting.addresses,
                source=MDNS,
                name=sighting.advertisement.name,
                agent_id=sighting.advertisement.agent_id,
            )
            for sighting in await self._browser.settled()
            if sighting.addresses
        ]

    async def _known(self) -> list[Lead]:
        return [
            Lead(addresses=(known.address,), source=KNOWN, name=known.agent.name if known.agent else "", known=known)
            for known in await self._thread.run(self._store.agents.known)
        ]

    async def _ask(self, lead: Lead) -> FleetAgent:
        answers = await asyncio.gather(*(self._ask_address(lead, address) for address in lead.addresses))
        return min(answers, key=_rank)

    async def _ask_address(self, lead: Lead, address: str) -> FleetAgent:
        async with self._slots:
            try:
                agent, use = await _looked_at(address, lead.name)
            except MltestError as error:
                return _gone(lead, address, error)
        return FleetAgent(
            address=address,
            is_alive=True,
            last_seen_unix_ns=time.time_ns(),
            source=lead.source,
            agent=agent,
            use=use,
            flag=await self._thread.run(self._store.agents.flag, agent.agent_id),
        )


def is_usable(agent: FleetAgent) -> bool:
    """Return whether `agent` answered and can be worked with."""
    return agent.is_alive and not agent.reason


async def describe_agent(address: str, name: str = "") -> AgentInfo:
    """Return who answers at `address`; `name` is for messages.

    Raises:
        AgentUnreachableError, ProtocolMismatchError: nobody to work with.

    """
    return (await _looked_at(address, name))[0]


async def _looked_at(address: str, name: str) -> tuple[AgentInfo, AgentUse | None]:
    client = AgentClient(address, name)
    try:
        return await client.look()
    finally:
        await client.close()


def _gone(lead: Lead, address: str, error: MltestError) -> FleetAgent:
    return FleetAgent(
        address=address,
        is_alive=isinstance(error, ProtocolMismatchError),
        last_seen_unix_ns=lead.known.last_seen_unix_ns if lead.known else None,
        source=lead.source,
        reason=error.message,
        agent=lead.known.agent if lead.known else None,
    )


def _rank(agent: FleetAgent) -> tuple[bool, bool]:
    return not is_usable(agent), not agent.is_alive


def _merged(found: Iterable[FleetAgent]) -> tuple[FleetAgent, ...]:
    """Return each agent once, by name: the answer that can be worked with, from the first source that named it."""
    agents: dict[str, FleetAgent] = {}
    for agent in found:
        key = agent.agent.agent_id if agent.agent else agent.address
        if key not in agents or _rank(agent) < _rank(agents[key]):
            agents[key] = agent
    answering = {agent.address for agent in agents.values() if agent.is_alive}
    return tuple(
        sorted(
            (agent for agent in agents.values() if agent.is_alive or agent.address not in answering),
            key=lambda agent: (agent.agent.name if agent.agent else agent.address, agent.address),
        )
    )
