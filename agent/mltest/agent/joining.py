"""Lets an agent be enrolled by a coordinator, and forget one again; no network is used."""

from pathlib import Path

from mltest.shared.trust.device_id import certificate_to_pem, device_id_of
from mltest.shared.trust.invitation import decode_invitation
from mltest.shared.trust.peers import COORDINATOR, Peer, Peers


def is_joined(state: Path) -> bool:
    """Return whether the agent with state directory `state` trusts a coordinator."""
    return bool(Peers(state).of_role(COORDINATOR))


def join(state: Path, text: str, *, name: str = "") -> Peer:
    """Trust the coordinator of an invitation, and keep the secret until that coordinator has asked for its proof.

    Args:
        state: state directory of the agent, which may be running.
        text: the invitation.
        name: what the coordinator is called here.

    Raises:
        InvitationInvalidError: `text` is not one, or damaged.

    """
    invitation = decode_invitation(text)
    return Peers(state).put(
        Peer(
            device_id=device_id_of(invitation.certificate_der),
            certificate_pem=certificate_to_pem(invitation.certificate_der),
            role=COORDINATOR,
            name=name,
            secret_hex=invitation.secret.hex(),
        )
    )
