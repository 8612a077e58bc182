"""Whom a coordinator invites and trusts: what its verbs do to its state directory, while it serves or not."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mltest.shared.errors import RequestInvalidError
from mltest.shared.state import locked_state
from mltest.shared.trust.identity import identity_from_pem, keys_in, made_here
from mltest.shared.trust.identity import rotate_key as rotated
from mltest.shared.trust.invitation import Invitation, encode_invitation
from mltest.shared.trust.invitations import Invitations
from mltest.shared.trust.peers import AGENT, CLIENT, Peer, Peers
from mltest.shared.trust.private_files import write_private
from mltest.shared.trust.reset import reset_trust

MAX_USES = 10_000
MAX_TTL_S = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFiles:
    """What a client in any language needs, as PEM files that only their owner may read."""

    device_id: str
    key: Path
    certificate: Path
    coordinator: Path
    """Certificate of the coordinator: its only root, and its common name is the name to expect."""


def invite(state: Path, *, uses: int, ttl_s: float, name: str = "", clock_s: Callable[[], float] = time.time) -> str:
    """Return an invitation for `uses` agents within `ttl_s`; it holds the secret, and nothing else does.

    Raises:
        RequestInvalidError: it would never be valid, or for too long.

    """
    if not 0 < uses <= MAX_USES or not 0 < ttl_s <= MAX_TTL_S:
        raise RequestInvalidError(detail=f"an invitation has 1 to {MAX_USES} uses, within 30 days at most")
    own = keys_in(state, make=made_here).current
    secret = Invitations(state, clock_s).give(uses=uses, ttl_s=ttl_s, name=name)
    return encode_invitation(Invitation(certificate_der=own.certificate_der, secret=secret))


def make_client_key(state: Path, name: str, folder: Path) -> ClientFiles:
    """Write a key for the client `name` to `folder`, and trust it.

    Raises:
        RequestInvalidError: there is a client of that name, or a key in `folder`.

    """
    peers = Peers(state)
    if any(peer.name == name for peer in peers.of_role(CLIENT)):
        raise RequestInvalidError(
            detail=f"client {name} has a key", next_step=f"mltest-coordinator untrust {name} revokes it"
        )
    files = ClientFiles(
        device_id="",
        key=folder / "key.pem",
        certificate=folder / "certificate.pem",
        coordinator=folder / "coordinator.pem",
    )
    if files.key.exists():
        raise RequestInvalidError(detail=f"{files.key} is there already", next_step="name another folder with --out")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = identity_from_pem(made_here())
    write_private(files.key, made.key_pem)
    write_private(files.certificate, made.certificate_pem)
    write_private(files.coordinator, keys_in(state, make=made_here).current.certificate_pem)
    peers.put(Peer(device_id=made.device_id, certificate_pem=made.certificate_pem, role=CLIENT, name=name))
    return ClientFiles(
        device_id=made.device_id, key=files.key, certificate=files.certificate, coordinator=files.coordinator
    )


def trusted(state: Path) -> tuple[Peer, ...]:
    """Return the agents and clients that are trusted, the newest first."""
    return Peers(state).of_role(AGENT, CLIENT)


def untrust(state: Path, text: str) -> tuple[Peer, ...]:
    """Revoke the key of the client named `text`, or whose id begins so.

    Raises:
        PeerUnknownError: no client is meant, or more than one.

    """
    peers = Peers(state)
    revoked = peers.named(text, CLIENT)
    for peer in revoked:
        peers.remove(peer.device_id)
    return revoked


def rotate_key(state: Path) -> str:
    """Give the coordinator a new key, and return its id; the old one counts for seven days more."""
    return rotated(state, make=made_here).current.device_id


def reset_identity(state: Path) -> str:
    """Forget the key and everybody that is trusted, and return the new id.

    Raises:
        StoreBusyError: the coordinator runs.

    """
    with locked_state(state):
        reset_trust(state)
        return keys_in(state, make=made_here).current.device_id
