"""Tells agents that exist twice, as a copied disk makes them, from agents that were restarted or got another address.

Each process of an agent has an instance id of its own. Two of them under one identity are a fact only if both are alive
at the same time: every address at which one was seen is asked, then all of them once more. Who answers in both rounds
was alive between them. A process that was restarted answers in one round at most, and one with several addresses is
one process; so neither is ever taken for a copy.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mltest.shared.domain import AgentInfo
from mltest.shared.errors import AgentClonedError, MltestError

_LOG = logging.getLogger(__name__)

_MAX_AGENTS = 4096
_MAX_PLACES = 8
"""At which one agent is looked for."""

Describe = Callable[[str, str], Awaitable[AgentInfo]]
"""Returns who answers at an address, which is that of the agent with an identity."""


@dataclass(slots=True)
class _Seen:
    answers: dict[str, str] = field(default_factory=dict)
    """Which process answered last at an address; empty where one is only said to be."""
    told: set[str] = field(default_factory=set)
    """Processes that were advertised since the agent was looked at."""


class CloneWatch:
    """Remembers which processes were seen of each agent, and proves which of them are copies."""

    def __init__(self, describe: Describe) -> None:
        self._describe = describe
        self._seen: dict[str, _Seen] = {}
        self._clones: dict[str, dict[str, str]] = {}
        self._settling = asyncio.Lock()

    def saw(self, agent_id: str, instance_id: str, address: str) -> None:
        """Note that a process answered at `address`."""
        seen = self._of(agent_id)
        if instance_id and (address in seen.answers or len(seen.answers) < _MAX_PLACES):
            seen.answers[address] = instance_id

    def was_told(self, agent_id: str, instance_ids: Iterable[str], addresses: Iterable[str]) -> None:
        """Note which processes an advertisement names, and where."""
        seen = self._of(agent_id)
        for instance_id in instance_ids:
            if len(seen.told) < _MAX_PLACES:
                seen.told.add(instance_id)
        for address in addresses:
            if len(seen.answers) < _MAX_PLACES:
                seen.answers.setdefault(address, "")

    @property
    def suspects(self) -> tuple[str, ...]:
        """Agents of which more than one process was seen, or which are quarantined."""
        return tuple(
            agent_id
            for agent_id, seen in self._seen.items()
            if len({*seen.answers.values(), *seen.told} - {""}) > 1 or agent_id in self._clones
        )

    async def settle(self) -> None:
        """Find out which suspects exist twice now, and let go of those that do not any more."""
        async with self._settling:
            await asyncio.gather(*(self._prove(agent_id) for agent_id in self.suspects))

    def addresses_of_clones(self, agent_id: str) -> Mapping[str, str]:
        """Return where each copy of an agent is, by its instance id; nothing if it exists once."""
        return self._clones.get(agent_id, {})

    def check(self, agent_id: str, name: str) -> None:
        """Return if an agent exists once, as far as is known.

        Raises:
            AgentClonedError: it exists twice.

        """
        if clones := self.addresses_of_clones(agent_id):
            raise cloned(name, clones)

    async def _prove(self, agent_id: str) -> None:
        seen = self._seen[agent_id]
        places, told = tuple(seen.answers), set(seen.told)
        first = await self._who_answers(agent_id, places)
        second = await self._who_answers(agent_id, places) if len(first) > 1 else first
        alive = {instance_id: address for instance_id, address in second.items() if instance_id in first}
        seen.told -= told
        for address in places:
            seen.answers.pop(address, None)
        seen.answers.update({address: instance_id for instance_id, address in second.items()})
        if len(alive) > 1:
            if agent_id not in self._clones:
                _LOG.error("two agents have the identity %s, and get no jobs: %s", agent_id, _listed(alive))
            self._clones[agent_id] = alive
        elif self._clones.pop(agent_id, None):
            _LOG.warning("the agent %s exists once again, and gets jobs", agent_id)

    def _of(self, agent_id: str) -> _Seen:
        if agent_id not in self._seen and len(self._seen) >= _MAX_AGENTS:
            del self._seen[next(iter(self._seen))]
        return self._seen.setdefault(agent_id, _Seen())

    async def _who_answers(self, agent_id: str, addresses: tuple[str, ...]) -> dict[str, str]:
        """Return the processes of the agent that answer now, each with one address."""
        answers = await asyncio.gather(*(self._instance_at(agent_id, address) for address in addresses))
        return {instance: address for address, instance in zip(addresses, answers, strict=True) if instance}

    async def _instance_at(self, agent_id: str, address: str) -> str:
        try:
            agent = await self._describe(address, agent_id)
        except MltestError:
            return ""
        return agent.instance_id if agent.agent_id == agent_id else ""


def cloned(name: str, addresses: Mapping[str, str]) -> AgentClonedError:
    """Return the error that names every copy."""
    return AgentClonedError(agent=name, addresses=_listed(addresses))


def _listed(addresses: Mapping[str, str]) -> str:
    return " and ".join(sorted(addresses.values()))
