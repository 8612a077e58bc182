"""Everything that is said to one agent."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from mltest.coordinator.fleet.hostile import checked_speed, cleaned
from mltest.shared.blobs import client as blob_client
from mltest.shared.codec import from_proto, to_proto
from mltest.shared.domain import AgentInfo, AgentUse, SampleBatch, SpeedCheck, VisitEvent, VisitSpec
from mltest.shared.errors import (
    AgentNotEnrolledError,
    AgentUnreachableError,
    MltestError,
    ProtocolMismatchError,
)
from mltest.shared.grpc_options import channel_options
from mltest.shared.naming import MAX_NAME_CHARS, clean_text
from mltest.shared.protocol import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION, can_talk, upgrade_step
from mltest.shared.status import error_from_rpc
from mltest.shared.trust.doors import Door
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1 import pairing_service_pb2, visit_pb2
from mltest.v1.agent_service_pb2_grpc import AgentServiceStub
from mltest.v1.pairing_service_pb2_grpc import PairingServiceStub

_LOG = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 6.0
"""An agent that has not taken a connection within this is gone."""
DESCRIBE_TIMEOUT_S = 30.0
"""An agent that has just started answers when it has probed its runtimes."""
_CALL_TIMEOUT_S = 10.0
_SPEED_TIMEOUT_S = 240.0
"""The first time, an agent compiles the work, perhaps on a slow board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A lease as the agent granted it."""

    epoch: int
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Events of an attempt that are safe here."""

    visit_id: str
    attempt: int
    seq: int
    """Of the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an agent says to be enrolled; nothing of it is verified."""

    invitation_id: str
    proof: bytes
    agent_id: str
    agent_name: str


class AgentClient:
    """An agent at one address; control calls never wait behind streams of data."""

    def __init__(self, address: str, door: Door, name: str = "", *, agent_id: str = "") -> None:
        """Make a client.

        Args:
            address: host:port.
            door: which key is spoken to there.
            name: for messages.
            agent_id: who has to answer; empty: whoever has that key.

        """
        self.label = f"{name} ({address})" if name and name != address else address
        """For messages."""
        self.agent_id = agent_id
        self._device_id = door.device_id
        self._control = door.channel(address, channel_options())
        self._data = door.channel(address, channel_options())
        self._agent = AgentServiceStub(self._control)
        self._pairing = PairingServiceStub(self._control)

    async def describe(self) -> AgentInfo:
        """Return who the agent is; errors as for `look`."""
        return (await self.look())[0]

    async def look(self) -> tuple[AgentInfo, AgentUse | None]:
        """Return who the agent is, and who uses it; None if it is of a version that does not say.

        Raises:
            AgentUnreachableError: nobody takes connections there, or nobody answers.
            ProtocolMismatchError: the two cannot talk.
            AgentNotEnrolledError: it says to be another agent than the one that has this key.

        """
        await self._connect()
        with self._translated():
            request = pb.DescribeAgentRequest(protocol_version=PROTOCOL_VERSION)
            response = await self._agent.DescribeAgent(request, timeout=DESCRIBE_TIMEOUT_S)
        agent = cleaned(from_proto(response.agent, AgentInfo))
        self._check_protocol(agent)
        if self.agent_id and agent.agent_id != self.agent_id:
            detail = f"it says to be agent {agent.agent_id}, which this key is not of"
            raise AgentNotEnrolledError(agent=self.label, device_id=self._device_id, detail=detail)
        has_use = response.HasField("use")
        return agent, cleaned(from_proto(response.use, AgentUse)) if has_use else None

    async def prove(self, nonce: bytes) -> Proof:
        """Return the proof of the agent that it has an invitation.

        Raises:
            InvitationUsedUpError: it has none (any more).

        """
        request = pairing_service_pb2.ProveInvitationRequest(nonce=nonce)
        with self._translated():
            response = await self._pairing.ProveInvitation(request, timeout=_CALL_TIMEOUT_S)
        return Proof(
            invitation_id=response.invitation_id,
            proof=response.proof,
            agent_id=clean_text(response.agent_id, MAX_NAME_CHARS),
            agent_name=clean_text(response.agent_name, MAX_NAME_CHARS),
        )

    async def complete_pairing(self) -> None:
        """Let the agent erase the secret of its invitation."""
        with self._translated():
            await self._pairing.CompletePairing(pairing_service_pb2.CompletePairingRequest(), timeout=_CALL_TIMEOUT_S)

    async def current_key(self) -> bytes:
        """Return the newest certificate of the agent, as DER."""
        with self._translated():
            request = pairing_service_pb2.GetCurrentKeyRequest()
            return (await self._pairing.GetCurrentKey(request, timeout=_CALL_TIMEOUT_S)).certificate_der

    async def introduce_key(self, certificate_der: bytes) -> None:
        """Let the agent know our new key."""
        request = pairing_service_pb2.IntroduceKeyRequest(certificate_der=certificate_der)
        with self._translated():
            await self._pairing.IntroduceKey(request, timeout=_CALL_TIMEOUT_S)

    async def acquire(self, *, holder: str, purpose: str) -> Grant:
        """Take the exclusive right to run visits, or a place in the line for it, which is kept by asking again.

        Raises:
            AgentBusyError: somebody else has it, or waited longer.

        """
        request = pb.AcquireLeaseRequest(holder=holder, purpose=purpose, protocol_version=PROTOCOL_VERSION)
        with self._translated():
            response = await self._agent.AcquireLease(request, timeout=_CALL_TIMEOUT_S)
        return Grant(epoch=response.epoch, ttl_s=response.ttl_ns / 1e9)

    async def renew(self, epoch: int, received: Received | None = None) -> None:
        """Keep the lease for another time to live, and say what is safe here.

        Raises:
            LeaseLostError: it is not ours any more.

        """
        request = pb.RenewLeaseRequest(epoch=epoch, received=_position(received) if received else None)
        with self._translated():
            await self._agent.RenewLease(request, timeout=_CALL_TIMEOUT_S)

    async def acknowledge(self, received: Received) -> None:
        """Say what is safe here; an agent of version 1 keeps it until it needs the room."""
        request = pb.AcknowledgeVisitRequest(received=_position(received))
        with suppress(MltestError), self._translated():
            await self._agent.AcknowledgeVisit(request, timeout=_CALL_TIMEOUT_S)

    async def release(self, epoch: int) -> None:
        """Give the lease back; a running visit of it is cancelled."""
        with self._translated():
            await self._agent.ReleaseLease(pb.ReleaseLeaseRequest(epoch=epoch), timeout=_CALL_TIMEOUT_S)

    async def start(self, epoch: int, visit: VisitSpec) -> None:
        """Start an attempt of a visit; doing it again changes nothing."""
        request = pb.StartVisitRequest(epoch=epoch, visit=to_proto(visit, visit_pb2.VisitSpec))
        with self._translated():
            await self._agent.StartVisit(request, timeout=_CALL_TIMEOUT_S)

    async def check_speed(self, epoch: int) -> SpeedCheck | None:
        """Let the agent do the fixed piece of work; None if it is of a version that has none.

        Raises:
            AgentBusyError: a visit runs there.
            MltestError: it failed, or the lease is not ours any more.

        """
        try:
            response = await self._agent.CheckSpeed(pb.CheckSpeedRequest(epoch=epoch), timeout=_SPEED_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            unreachable = AgentUnreachableError(agent=self.label, detail=_short(error))
            raise error_from_rpc(error, unreachable) from error
        return checked_speed(cleaned(from_proto(response.check, SpeedCheck)))

    async def attach(self, visit_id: str, attempt: int, *, from_seq: int) -> AsyncIterator[VisitEvent]:
        """Yield the events of an attempt from `from_seq` on, until its end.

        Raises:
            VisitUnknownError: the agent does not have it (any more).
            AgentUnreachableError: the stream broke.

        """
        request = pb.AttachVisitRequest(visit_id=visit_id, attempt=attempt, from_seq=from_seq)
        with self._translated():
            async for response in AgentServiceStub(self._data).AttachVisit(request):
                yield _event(response)

    async def upload(
        self, path: Path, *, sha256: str, size_bytes: int, on_progress: Callable[[int], None] | None = None
    ) -> int:
        """Send what the agent lacks of a blob; return the bytes sent."""
        with self._translated():
            return await blob_client.upload(
                self._data, path, sha256=sha256, size_bytes=size_bytes, on_progress=on_progress
            )

    async def download(self, sha256: str, target: Path) -> None:
        """Fetch a blob to `target`."""
        with self._translated():
            await blob_client.download(self._data, sha256, target)

    async def close(self) -> None:
        """Close both connections; what streams, ends."""
        await self._control.close()
        await self._data.close()

    async def _connect(self) -> None:
        """Return once a connection stands; a peer that refuses it, or is silent, is told apart from a slow one."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                state = self._control.get_state(try_to_connect=True)
                while state not in (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE):
                    await self._control.wait_for_state_change(state)
                    state = self._control.get_state(try_to_connect=True)
        except TimeoutError as error:
            detail = f"no connection within {CONNECT_TIMEOUT_S:g} s"
            raise AgentUnreachableError(agent=self.label, detail=detail) from error

    def _check_protocol(self, agent: AgentInfo) -> None:
        if not can_talk(
            own=PROTOCOL_VERSION,
            own_min=MIN_PROTOCOL_VERSION,
            peer=agent.protocol_version,
            peer_min=agent.min_protocol_version,
        ):
            raise ProtocolMismatchError(
                peer=f"agent {agent.name}",
                peer_version=agent.protocol_version,
                peer_min=agent.min_protocol_version,
                own_version=PROTOCOL_VERSION,
                own_min=MIN_PROTOCOL_VERSION,
                next_step=upgrade_step(
                    own=PROTOCOL_VERSION,
                    peer=agent.protocol_version,
                    peer_name=f"agent {agent.name}",
                    own_name="this coordinator",
                ),
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            unreachable = AgentUnreachableError(agent=self.label, detail=_short(error))
            raise error_from_rpc(error, unreachable) from error


def _event(response: pb.AttachVisitResponse) -> VisitEvent:
    try:
        return cleaned(from_proto(response.event, VisitEvent))
    except ValueError:
        # A newer agent says something that this version does not know: it counts, and means nothing here.
        _LOG.debug("event %d is of a kind that this version does not know", response.event.seq)
        return VisitEvent(seq=response.event.seq, event=SampleBatch(series=()))


def _position(received: Received) -> pb.VisitPosition:
    return pb.VisitPosition(visit_id=received.visit_id, attempt=received.attempt, seq=received.seq)


def _short(error: grpc.aio.AioRpcError) -> str:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    return (error.details() or error.code().name).rpartition(": ")[2][:200]
