"""`mltest.v1.PairingService`: proves the secret of an invitation, and lets both sides change their keys."""

# ruff: noqa: N802 - methods are named by the contract

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc.aio

from mltest.shared.errors import InvitationUsedUpError, NotTrustedError, RequestInvalidError
from mltest.shared.status import translated_errors
from mltest.shared.trust.book import TrustBook
from mltest.shared.trust.device_id import certificate_to_pem, device_id_of, public_key_of
from mltest.shared.trust.guard import current_caller
from mltest.shared.trust.identity import OVERLAP_S
from mltest.shared.trust.invitation import invitation_id
from mltest.shared.trust.peers import Peer
from mltest.shared.trust.proof import NONCE_BYTES, proof_of
from mltest.v1 import pairing_service_pb2 as pb
from mltest.v1.pairing_service_pb2_grpc import PairingServiceServicer

_LOG = logging.getLogger(__name__)

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["PairingService"].full_name

_MAX_CERTIFICATE_BYTES = 2048
_Context = grpc.aio.ServicerContext[Any, Any]


class PairingService(PairingServiceServicer):
    """The handlers; each works for the coordinator that calls."""

    def __init__(self, book: TrustBook, *, agent_id: str, agent_name: str, clock_s: Callable[[], float]) -> None:
        self._book = book
        self._agent_id = agent_id
        self._agent_name = agent_name
        self._clock_s = clock_s

    async def ProveInvitation(
        self, request: pb.ProveInvitationRequest, context: _Context
    ) -> pb.ProveInvitationResponse:
        """Answer with what only an invited agent can compute."""
        async with translated_errors(context):
            if len(request.nonce) != NONCE_BYTES:
                raise RequestInvalidError(detail=f"nonce has to have {NONCE_BYTES} bytes")
            coordinator = _pinned_caller()
            if not coordinator.secret_hex:
                raise InvitationUsedUpError(agent="")
            secret = bytes.fromhex(coordinator.secret_hex)
            proof = proof_of(
                secret,
                # The newest key alone is proved: a coordinator that joins late has no use for the older one.
                agent_key=public_key_of(self._book.keys.current.certificate_der),
                coordinator_key=public_key_of(coordinator.certificate_der),
                nonce=request.nonce,
            )
            return pb.ProveInvitationResponse(
                invitation_id=invitation_id(secret),
                proof=proof,
                agent_id=self._agent_id,
                agent_name=self._agent_name,
            )
        raise AssertionError("unreachable")

    async def CompletePairing(
        self, request: pb.CompletePairingRequest, context: _Context
    ) -> pb.CompletePairingResponse:
        """Erase the secret: it has done its work."""
        async with translated_errors(context):
            coordinator = _pinned_caller()
            if coordinator.secret_hex:
                self._book.peers.put(replace(coordinator, secret_hex=""))
                _LOG.info("enrolled by coordinator %s", coordinator.device_id)
            return pb.CompletePairingResponse()
        raise AssertionError("unreachable")

    async def GetCurrentKey(self, request: pb.GetCurrentKeyRequest, context: _Context) -> pb.GetCurrentKeyResponse:
        """Say which certificate this agent has now."""
        async with translated_errors(context):
            return pb.GetCurrentKeyResponse(certificate_der=self._book.keys.current.certificate_der)
        raise AssertionError("unreachable")

    async def IntroduceKey(self, request: pb.IntroduceKeyRequest, context: _Context) -> pb.IntroduceKeyResponse:
        """Pin the new key of the caller beside the one that it called with."""
        async with translated_errors(context):
            old = _pinned_caller()
            new = _introduced(request.certificate_der, old)
            if new.device_id != old.device_id:
                self._book.peers.put(new)
                self._book.peers.put(replace(old, until_unix_s=int(self._clock_s()) + OVERLAP_S))
                _LOG.info("coordinator %s has the new key %s", old.device_id, new.device_id)
            return pb.IntroduceKeyResponse()
        raise AssertionError("unreachable")


def _pinned_caller() -> Peer:
    caller = current_caller.get()
    if caller is None or caller.peer is None:
        raise NotTrustedError("Only a coordinator that this agent has joined has an invitation.")
    return caller.peer


def _introduced(certificate_der: bytes, old: Peer) -> Peer:
    try:
        if len(certificate_der) > _MAX_CERTIFICATE_BYTES:
            raise ValueError("it is too long")
        pem = certificate_to_pem(certificate_der)
        return replace(
            old,
            device_id=device_id_of(certificate_der),
            certificate_pem=pem,
            lasting_id=old.lasting_id or old.device_id,
            since_unix_s=0,
        )
    except ValueError as error:
        raise RequestInvalidError(detail=f"certificate_der: {error}") from error
