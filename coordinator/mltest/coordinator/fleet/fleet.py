"""The fleet: agents found by mDNS, named by address, or known from before; each asked who it is."""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mltest.coordinator.fleet.agent_client import AgentClient
from mltest.coordinator.fleet.agent_doors import AgentDoors
from mltest.coordinator.fleet.browse import Browser
from mltest.coordinator.fleet.clones import CloneWatch, cloned
from mltest.coordinator.fleet.probe_budget import ProbeBudget
from mltest.coordinator.store import Store
from mltest.coordinator.store.store_thread import StoreThread
from mltest.shared.domain import AgentInfo, AgentUse, FleetAgent
from mltest.shared.errors import (
    AgentNotEnrolledError,
    AgentUnreachableError,
    InvitationExpiredError,
    InvitationRefusedError,
    InvitationUsedUpError,
    KeyChangedError,
    MltestError,
    NotTrustedError,
    ProtocolMismatchError,
)
from mltest.shared.status import next_step_of

STATIC, MDNS, KNOWN = "static", "mdns", "known"
_PARALLEL_QUESTIONS = 64
_LOOK_S = 10.0
"""How soon a copy of an agent is noticed that was not advertised as such; one that is, is noticed at once."""
_PAUSE_S = 1.0
"""Between two looks at what was advertised."""
_STRANGE = (
    AgentNotEnrolledError,
    InvitationExpiredError,
    InvitationRefusedError,
    InvitationUsedUpError,
    KeyChangedError,
    NotTrustedError,
)
"""Somebody answers there who is not spoken to."""


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

    def __init__(self, store: Store, thread: StoreThread, doors: AgentDoors) -> None:
        self._doors = doors
        self._store = store
        self._thread = thread
        self._browser = Browser()
        self._slots = asyncio.Semaphore(_PARALLEL_QUESTIONS)
        self._budget = ProbeBudget()
        self._trusted: set[str] = set()
        """Addresses at which an agent answered before, or that the user named: asking there costs nothing."""
        self._clones = CloneWatch(self._describe_suspect)
        self._watching: asyncio.Task[None] | None = None

    async def survey(self, addresses: Sequence[str], *, uses_discovery: bool) -> tuple[FleetAgent, ...]:
        """Return every agent by name, alive or gone; each lead was followed just now.

        Without discovery only `addresses` are asked, with it also agents known from before.
        """
        leads = [await self._static(address) for address in addresses]
        self._trusted.update(addresses)
        if uses_discovery:
            known = await self._known()
            self._trusted.update(lead.addresses[0] for lead in known)
            leads += [*self._affordable(await self._advertised(), known), *known]
        found = await asyncio.gather(*(self._ask(lead) for lead in leads))
        await self._clones.settle()
        agents = _quarantined(_merged(found), self._clones)
        for agent in agents:
            if agent.agent is not None and is_usable(agent):
                await self._thread.run(self._store.agents.put, agent.address, agent.agent)
        return agents

    async def locate(self, agent_id: str, last_address: str, *, uses_discovery: bool) -> str | None:
        """Return the address at which the agent `agent_id` answers now, there or where it is advertised.

        Raises:
            AgentClonedError: it exists twice.
            AgentNotEnrolledError, KeyChangedError, NotTrustedError: somebody answers there, and is not spoken to.

        """
        self.check_single(agent_id)
        sightings = self._browser.sightings() if uses_discovery else ()
        seen = [
            address for found in sightings if found.advertisement.agent_id == agent_id for address in found.addresses
        ]
        strange: MltestError | None = None
        for address in dict.fromkeys((last_address, *seen)):
            try:
                if (await self.describe(address, agent_id=agent_id)).agent_id == agent_id:
                    return address
            except _STRANGE as error:
                strange = error
            except MltestError:
                continue
        if strange is not None:
            raise strange
        return None

    def check_single(self, agent_id: str, name: str = "") -> None:
        """Return if an agent exists once, as far as is known.

        Raises:
            AgentClonedError: it exists twice.

        """
        self._clones.check(agent_id, name or agent_id)

    async def reach(self, address: str, *, agent_id: str = "", name: str = "") -> AgentClient:
        """Return a client of the agent at `address`; the errors are those of `AgentDoors.reach`."""
        return await self._doors.reach(address, agent_id=agent_id, name=name)

    async def describe(self, address: str, *, agent_id: str = "", name: str = "") -> AgentInfo:
        """Return who answers at `address`.

        Raises:
            AgentUnreachableError, ProtocolMismatchError: nobody to work with.
            MltestError: somebody who is not enrolled; see `AgentDoors.reach`.

        """
        return (await self._look(address, agent_id=agent_id, name=name))[0]

    async def forget(self, text: str) -> tuple[str, ...]:
        """Enrol an agent no more, and do not look for it any more; return the ids of its keys.

        Raises:
            PeerUnknownError: no enrolled agent is meant.

        """
        forgotten = self._doors.forget(text)
        for agent_id in {peer.lasting_id for peer in forgotten}:
            await self._thread.run(self._store.agents.remove, agent_id)
        return tuple(peer.device_id for peer in forgotten)

    async def listen(self) -> None:
        """Begin to listen for advertised agents; `survey` does that where it needs it."""
        await self._browser.start()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch_for_clones(), name="watch for clones")

    async def close(self) -> None:
        """Stop listening."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        self._doors.close()
        await self._browser.close()

    async def _look(self, address: str, *, agent_id: str, name: str) -> tuple[AgentInfo, AgentUse | None]:
        """Return who answers at `address`, and who uses it; errors as for `describe`."""
        client = await self.reach(address, agent_id=agent_id, name=name)
        try:
            found = await client.look()
            if client.agent_id:
                # An agent that was invited once more, although it is enrolled, has a secret that nobody asks for.
                await client.complete_pairing()
            return found
        finally:
            await client.close()

    async def _watch_for_clones(self) -> None:
        """Look at everything that is advertised as more than one process, until this task is cancelled."""
        while True:
            await self._browser.changed(_LOOK_S)
            self._note_sightings()
            await self._clones.settle()
            await asyncio.sleep(_PAUSE_S)

    def _note_sightings(self) -> None:
        for sighting in self._browser.sightings():
            agent_id = sighting.advertisement.agent_id
            self._clones.was_told(agent_id, sighting.instance_ids, sighting.addresses)

    async def _describe_suspect(self, address: str, agent_id: str) -> AgentInfo:
        if address not in self._trusted and not self._budget.take():
            raise AgentUnreachableError(agent=address, detail="too many others are advertised")
        return await self.describe(address, agent_id=agent_id)

    def _affordable(self, leads: Sequence[Lead], known: Sequence[Lead]) -> list[Lead]:
        """Return those of the advertised `leads` that may be asked now, each with the addresses that may be."""
        known_ids = {lead.known.agent.agent_id for lead in known if lead.known and lead.known.agent}
        in_turn = self._budget.in_turn(leads, lambda lead: lead.addresses[0], random.Random())
        affordable = []
        for lead in sorted(in_turn, key=lambda lead: lead.agent_id not in known_ids):
            addresses = tuple(one for one in lead.addresses if one in self._trusted or self._budget.take())
            if addresses:
                affordable.append(replace(lead, addresses=addresses))
        return affordable

    async def _static(self, address: str) -> Lead:
        """Return a lead that expects at `address` who answered there last."""
        known = [found for found in await self._thread.run(self._store.agents.known) if found.address == address]
        newest = max(known, key=lambda found: found.last_seen_unix_ns or 0, default=None)
        agent = newest.agent if newest else None
        return Lead(addresses=(address,), source=STATIC, agent_id=agent.agent_id if agent else "")

    async def _advertised(self) -> list[Lead]:
        await self.listen()
        await self._browser.settled()
        self._note_sightings()
        return [
            Lead(
                addresses=sighting.addresses,
                source=MDNS,
                name=sighting.advertisement.name,
                agent_id=sighting.advertisement.agent_id,
            )
            for sighting in self._browser.sightings()
            if sighting.addresses
        ]

    async def _known(self) -> list[Lead]:
        return [
            Lead(
                addresses=(known.address,),
                source=KNOWN,
                name=known.agent.name if known.agent else "",
                agent_id=known.agent.agent_id if known.agent else "",
                known=known,
            )
            for known in await self._thread.run(self._store.agents.known)
        ]

    async def _ask(self, lead: Lead) -> FleetAgent:
        answers = await asyncio.gather(*(self._ask_address(lead, address) for address in lead.addresses))
        return min(answers, key=_rank)

    async def _ask_address(self, lead: Lead, address: str) -> FleetAgent:
        async with self._slots:
            try:
                agent, use = await self._look(address, agent_id=lead.agent_id, name=lead.name)
            except MltestError as error:
                if address not in self._trusted:
                    self._budget.failed(address)
                return _gone(lead, address, error)
        if address not in self._trusted:
            self._budget.answered(address)
            self._trusted.add(address)
        self._clones.saw(agent.agent_id, agent.instance_id, address)
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


def _gone(lead: Lead, address: str, error: MltestError) -> FleetAgent:
    is_alive, is_stranger = isinstance(error, ProtocolMismatchError), isinstance(error, _STRANGE)
    is_mendable = is_alive or is_stranger
    reason = f"{error.message} To mend it: {next_step_of(error)}." if is_mendable else error.message
    return FleetAgent(
        address=address,
        is_alive=is_alive,
        last_seen_unix_ns=lead.known.last_seen_unix_ns if lead.known else None,
        source=lead.source,
        reason=reason,
        agent=lead.known.agent if lead.known else None,
        is_stranger=is_stranger,
        advertised_name="" if lead.known else lead.name,
    )


def _rank(agent: FleetAgent) -> tuple[bool, bool]:
    return not is_usable(agent), not agent.is_alive


def _quarantined(agents: Iterable[FleetAgent], clones: CloneWatch) -> tuple[FleetAgent, ...]:
    """Return `agents`, those that exist twice once for each copy, and none of them usable."""
    found: list[FleetAgent] = []
    for agent in agents:
        copies = clones.addresses_of_clones(agent.agent.agent_id) if agent.agent else {}
        if not copies or agent.agent is None:
            found.append(agent)
            continue
        reason = cloned(agent.agent.name, copies).message
        for instance_id, address in copies.items():
            one = replace(agent.agent, instance_id=instance_id)
            found.append(replace(agent, address=address, is_alive=True, reason=reason, agent=one))
    return tuple(found)


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
