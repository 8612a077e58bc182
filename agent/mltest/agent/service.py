"""`mltest.v1.AgentService`: translates between messages and the agent; decides nothing itself."""

# ruff: noqa: N802 - methods are named by the contract

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc.aio

from mltest.agent.lease.lease_keeper import LeaseKeeper
from mltest.agent.visit.visit_site import VisitSite
from mltest.agent.visit.visits import Visits
from mltest.agent.watched import Watched
from mltest.shared.codec import from_proto, to_proto
from mltest.shared.domain import AgentInfo, SpeedCheck, VisitEvent, VisitSpec
from mltest.shared.errors import AgentBusyError, ProtocolMismatchError, RequestInvalidError, VisitInterruptedError
from mltest.shared.naming import clean_text
from mltest.shared.protocol import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION, can_talk, upgrade_step
from mltest.shared.status import translated_errors
from mltest.v1 import agent_pb2, visit_pb2
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1.agent_service_pb2_grpc import AgentServiceServicer

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["AgentService"].full_name

_MAX_TEXT_CHARS = 200
_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """What `WatchAgent` tells."""

    holder: str = ""
    """Of the lease; empty if it is free."""
    visit_id: str = ""
    """Of the visit that runs; empty if none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentParts:
    """What the service translates for."""

    describe: Callable[[], Awaitable[AgentInfo]]
    """Returns once the machine has been probed."""
    site: Callable[[], Awaitable[VisitSite]]
    """Likewise."""
    keeper: LeaseKeeper
    visits: Visits
    state: Watched[AgentState]
    check_speed: Callable[[], Awaitable[SpeedCheck]]
    """Does the fixed piece of work, which takes some tenths of a second."""


def encode_event(event: VisitEvent) -> bytes:
    """Return `event` as bytes: the form in which journals keep it."""
    return to_proto(event, visit_pb2.VisitEvent).SerializeToString()


def decode_event(encoded: bytes) -> VisitEvent:
    """Return what `encode_event` made.

    Raises:
        ValueError: it is of a kind that this version does not know.

    """
    return from_proto(visit_pb2.VisitEvent.FromString(encoded), VisitEvent)


class AgentService(AgentServiceServicer):
    """The handlers."""

    def __init__(self, parts: AgentParts) -> None:
        self._parts = parts

    async def DescribeAgent(self, request: pb.DescribeAgentRequest, context: _Context) -> pb.DescribeAgentResponse:
        """Say who the agent is, once it has looked at its machine."""
        async with translated_errors(context):
            _check_protocol(request.protocol_version)
            info = await self._parts.describe()
            use = to_proto(self._parts.keeper.use(), agent_pb2.AgentUse)
            return pb.DescribeAgentResponse(agent=to_proto(info, agent_pb2.AgentInfo), use=use)
        raise AssertionError("unreachable")

    async def WatchAgent(
        self, request: pb.WatchAgentRequest, context: _Context
    ) -> AsyncIterator[pb.WatchAgentResponse]:
        """Say now and after each change who holds the lease and what runs."""
        async with translated_errors(context), aclosing(self._parts.state.follow()) as states:
            async for state in states:
                yield pb.WatchAgentResponse(holder=state.holder, visit_id=state.visit_id)

    async def AcquireLease(self, request: pb.AcquireLeaseRequest, context: _Context) -> pb.AcquireLeaseResponse:
        """Give the lease to the caller."""
        async with translated_errors(context):
            _check_protocol(request.protocol_version)
            if not (holder := clean_text(request.holder, _MAX_TEXT_CHARS)):
                raise RequestInvalidError(detail="holder is empty: a lease needs the identity of its coordinator")
            grant = self._parts.keeper.acquire(holder, clean_text(request.purpose, _MAX_TEXT_CHARS))
            return pb.AcquireLeaseResponse(epoch=grant.epoch, ttl_ns=self._parts.keeper.ttl_ns)
        raise AssertionError("unreachable")

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: _Context) -> pb.RenewLeaseResponse:
        """Let the lease live on, and forget what was received."""
        async with translated_errors(context):
            self._acknowledge(request.received)
            self._parts.keeper.renew(request.epoch)
            return pb.RenewLeaseResponse(ttl_ns=self._parts.keeper.ttl_ns)
        raise AssertionError("unreachable")

    async def ReleaseLease(self, request: pb.ReleaseLeaseRequest, context: _Context) -> pb.ReleaseLeaseResponse:
        """End the lease and its visit."""
        async with translated_errors(context):
            await self._parts.keeper.release(request.epoch)
            return pb.ReleaseLeaseResponse()
        raise AssertionError("unreachable")

    async def StartVisit(self, request: pb.StartVisitRequest, context: _Context) -> pb.StartVisitResponse:
        """Start a visit of the holder."""
        async with translated_errors(context):
            site = await self._parts.site()
            require = partial(self._parts.keeper.require, request.epoch)
            await self._parts.visits.start(from_proto(request.visit, VisitSpec), require, site)
            return pb.StartVisitResponse()
        raise AssertionError("unreachable")

    async def AttachVisit(
        self, request: pb.AttachVisitRequest, context: _Context
    ) -> AsyncIterator[pb.AttachVisitResponse]:
        """Pass on the journal of a visit until its end."""
        async with translated_errors(context):
            log = self._parts.visits.log(request.visit_id, request.attempt)
            async with aclosing(log.follow(request.from_seq)) as events:
                async for encoded in events:
                    yield pb.AttachVisitResponse(event=visit_pb2.VisitEvent.FromString(encoded))

    async def CancelVisit(self, request: pb.CancelVisitRequest, context: _Context) -> pb.CancelVisitResponse:
        """End a visit and wait for its end."""
        async with translated_errors(context):
            self._parts.keeper.require(request.epoch)
            reason = VisitInterruptedError(detail="its coordinator cancelled it")
            await self._parts.visits.cancel(request.visit_id, request.attempt, reason)
            return pb.CancelVisitResponse()
        raise AssertionError("unreachable")

    async def AcknowledgeVisit(
        self, request: pb.AcknowledgeVisitRequest, context: _Context
    ) -> pb.AcknowledgeVisitResponse:
        """Forget events that are safe with the caller."""
        async with translated_errors(context):
            self._acknowledge(request.received)
            return pb.AcknowledgeVisitResponse()
        raise AssertionError("unreachable")

    async def CheckSpeed(self, request: pb.CheckSpeedRequest, context: _Context) -> pb.CheckSpeedResponse:
        """Say how fast the machine is now, which only makes sense while nothing else is measured."""
        async with translated_errors(context):
            grant = self._parts.keeper.require(request.epoch)
            if running := self._parts.visits.running_id:
                info = await self._parts.describe()
                raise AgentBusyError(agent=info.name, holder=grant.holder, purpose=f"visit {running}")
            found = await self._parts.check_speed()
            self._parts.keeper.require(request.epoch)
            return pb.CheckSpeedResponse(check=to_proto(found, agent_pb2.SpeedCheck))
        raise AssertionError("unreachable")

    def _acknowledge(self, received: pb.VisitPosition) -> None:
        if received.seq:
            self._parts.visits.acknowledge(received.visit_id, received.attempt, received.seq)


def _check_protocol(version: int) -> None:
    facts = {
        "peer": "The caller",
        "peer_version": version,
        "peer_min": version,
        "own_version": PROTOCOL_VERSION,
        "own_min": MIN_PROTOCOL_VERSION,
    }
    if version == 0:
        message = f"The caller did not say its protocol_version; this agent speaks {PROTOCOL_VERSION}."
        raise ProtocolMismatchError(message, next_step="set protocol_version in the request", **facts)
    # Whether the caller can talk to an agent that is older than itself is for the caller to say.
    if not can_talk(own=PROTOCOL_VERSION, own_min=MIN_PROTOCOL_VERSION, peer=version, peer_min=0):
        step = upgrade_step(own=PROTOCOL_VERSION, peer=version, peer_name="the coordinator", own_name="this agent")
        raise ProtocolMismatchError(**facts, next_step=step)
