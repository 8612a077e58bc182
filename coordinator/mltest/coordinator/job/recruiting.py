"""Finds the agents of a job: those that answer now, or one on this machine where nobody does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from mltest.coordinator.fleet.fleet import KNOWN, is_usable
from mltest.coordinator.fleet.local_agent import LocalAgent
from mltest.coordinator.job.errand import Errand
from mltest.shared.domain import AgentInfo, AgentUpdated, FleetAgent, JobNote
from mltest.shared.errors import AgentUnreachableError, NoAgentError

_RETRY_S = 2.0
_PATIENCE = 20
"""Times that an agent which was just started is asked who it is; its own look at each runtime may take two minutes."""
_LOG = logging.getLogger(__name__)


class Describes(Protocol):
    """Asks agents who they are."""

    async def describe(self, address: str) -> AgentInfo:
        """Return who answers at `address`."""
        ...


@asynccontextmanager
async def recruited(errand: Errand, runtimes: Collection[str]) -> AsyncIterator[Sequence[FleetAgent]]:
    """Yield the agents that answer, also those that cannot be worked with; a local one ends with the block.

    `runtimes` are those of the job's candidates: a local agent offers no others.

    Raises:
        NoAgentError: nobody answers, and no local agent may be started.

    """
    found = await _found(errand)
    refusing = [agent for agent in found if not is_usable(agent) and agent.source != KNOWN]
    await errand.tell(*map(_refusal, refusing))
    if answering := [agent for agent in found if agent.is_alive]:
        yield answering
    elif errand.spec.uses_local_agent and not await _former_addresses(errand):
        await errand.tell(JobNote(text=_local_text(errand)))
        async with _local_agent(errand, runtimes) as local:
            agent = await described(errand.site.fleet, local.address)
            yield [FleetAgent(address=local.address, is_alive=True, source="local", agent=agent)]
    else:
        raise _nobody(found)


async def check_somebody_answers(errand: Errand) -> None:
    """Return if one of the agents that the user named may measure, before anything is made for them.

    A job without a named agent, or that may start one here, has nothing to ask yet; one that measured before waits.

    Raises:
        NoAgentError: nobody answers.

    """
    spec = errand.spec
    if not spec.agent_addresses or spec.uses_local_agent or await _former_addresses(errand):
        return
    found = await errand.site.fleet.survey(spec.agent_addresses, uses_discovery=spec.uses_discovery)
    if not any(agent.is_alive for agent in found):
        await errand.tell(*(_refusal(agent) for agent in found if agent.source != KNOWN))
        raise _nobody(found)


def _nobody(found: Sequence[FleetAgent]) -> NoAgentError:
    reasons = "; ".join(agent.reason for agent in found)
    return NoAgentError(detail=f"no agent answers: {reasons or 'none was found by mDNS, and none was named'}")


def _local_agent(errand: Errand, runtimes: Collection[str]) -> LocalAgent:
    folder = errand.site.folder / "local-agent"
    return LocalAgent(folder, allows_pickle=errand.spec.allows_pickle, runtimes=sorted(runtimes))


async def described(fleet: Describes, address: str) -> AgentInfo:
    """Return who an agent is that was just started; it imports every runtime first, for minutes on some machines.

    Raises:
        AgentUnreachableError: it does not answer at all.

    """
    for _ in range(_PATIENCE - 1):
        try:
            return await fleet.describe(address)
        except AgentUnreachableError as error:
            _LOG.info("the agent of this machine does not answer yet: %s", error.message)
    return await fleet.describe(address)


async def _found(errand: Errand) -> tuple[FleetAgent, ...]:
    """Return the fleet; a job that has measured on agents before waits a while for one of them to come back."""
    fleet, spec = errand.site.fleet, errand.spec
    former = await _former_addresses(errand)
    addresses = tuple(dict.fromkeys((*spec.agent_addresses, *former)))
    clock = asyncio.get_running_loop().time
    limit_s = errand.plan.agent_return_s
    deadline_s = clock() + limit_s
    is_told = False
    while True:
        found = await fleet.survey(addresses, uses_discovery=spec.uses_discovery)
        is_settled = not former or clock() >= deadline_s or any(agent.is_alive for agent in found)
        if is_settled:
            return found
        if not is_told:
            is_told = True
            text = f"The agents that measured before do not answer; they are waited for, {limit_s:g} s at most."
            await errand.tell(JobNote(text=text))
        if await errand.is_stopped_within(_RETRY_S):
            return found


async def _former_addresses(errand: Errand) -> tuple[str, ...]:
    """Return where agents of the fleet were that took part in this job before; an agent on this machine is none."""
    store, thread = errand.site.store, errand.site.thread
    former = {agent.agent_id for agent in await thread.run(store.outcomes.participants, errand.job_id)}
    known = await thread.run(store.agents.known)
    return tuple(found.address for found in known if found.agent and found.agent.agent_id in former)


def _local_text(errand: Errand) -> str:
    is_asked_for = not errand.spec.uses_discovery and not errand.spec.agent_addresses
    subject = "This machine" if is_asked_for else "No agent answers: this machine"
    return f"{subject} measures, by an agent that is started for this job."


def _refusal(found: FleetAgent) -> AgentUpdated:
    name = found.advertised_name or found.address
    agent_id, name = (found.agent.agent_id, found.agent.name) if found.agent else ("", name)
    return AgentUpdated(agent_id=agent_id, name=name, takes_part=False, reason=found.reason)
