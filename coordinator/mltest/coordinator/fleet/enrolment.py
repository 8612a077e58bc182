"""Enrols an agent that proves the secret of an invitation."""

import ipaddress
from dataclasses import dataclass

from mltest.coordinator.fleet.agent_client import AgentClient, Proof
from mltest.shared.errors import AgentNotEnrolledError, InvitationUsedUpError, KeyChangedError, NotTrustedError
from mltest.shared.trust.device_id import certificate_to_pem, is_device_id, public_key_of
from mltest.shared.trust.identity import Identity
from mltest.shared.trust.invitations import Invitations
from mltest.shared.trust.peers import AGENT, Peer, Peers
from mltest.shared.trust.probe import Found
from mltest.shared.trust.proof import is_proof, new_nonce


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Of one coordinator."""

    peers: Peers
    invitations: Invitations

    async def enrol(self, client: AgentClient, identity: Identity, found: Found, address: str) -> Peer:
        """Return the pin of an agent that has proved its invitation just now.

        Args:
            client: speaks to the key that was `found`, with the key of `identity`.
            identity: what the agent knows this coordinator by.
            found: who answers at `address`.
            address: host:port.

        Raises:
            AgentNotEnrolledError: it has no proof, or a wrong one.
            InvitationExpiredError, InvitationUsedUpError, InvitationRefusedError: its invitation does not count.
            KeyChangedError: it takes the place of an enrolled agent that has another key.

        """
        nonce = new_nonce()
        try:
            answer = await client.prove(nonce)
        except (InvitationUsedUpError, NotTrustedError) as error:
            detail = "it has no invitation left to prove"
            raise AgentNotEnrolledError(agent=client.label, device_id=found.device_id, detail=detail) from error
        agent = answer.agent_name
        secret = self.invitations.secret(answer.invitation_id, agent=agent)
        keys = {
            "agent_key": public_key_of(found.certificate_der),
            "coordinator_key": public_key_of(identity.certificate_der),
        }
        if not is_proof(answer.proof, secret, nonce=nonce, **keys) or not is_device_id(answer.agent_id):
            raise AgentNotEnrolledError(agent=agent, device_id=found.device_id, detail="its proof is wrong")
        self._check_place(answer, found, address)
        self.invitations.use(answer.invitation_id, agent=agent)
        pin = self.peers.put(_pin(answer, found, address))
        await client.complete_pairing()
        return pin

    def _check_place(self, agent: Proof, found: Found, address: str) -> None:
        """Return if nobody else who is enrolled is what this agent says to be."""
        for pin in self.peers.of_role(AGENT):
            is_same = pin.lasting_id == agent.agent_id or (
                pin.name == agent.agent_name and _same_host(pin.address, address)
            )
            if is_same and pin.device_id != found.device_id:
                raise KeyChangedError(
                    agent=pin.name,
                    old_id=pin.device_id,
                    new_id=found.device_id,
                    address=address,
                    next_step=f"if it was reset or replaced: `mltest-coordinator forget {pin.device_id[:12]}`",
                )


def _pin(agent: Proof, found: Found, address: str) -> Peer:
    return Peer(
        device_id=found.device_id,
        certificate_pem=certificate_to_pem(found.certificate_der),
        role=AGENT,
        name=agent.agent_name,
        lasting_id=agent.agent_id,
        address=address,
    )


def _same_host(one: str, other: str) -> bool:
    """Return whether two addresses (host:port) are of one machine; many may share loopback."""
    host, other_host = one.rpartition(":")[0].strip("[]"), other.rpartition(":")[0].strip("[]")
    try:
        return host == other_host and not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == other_host
