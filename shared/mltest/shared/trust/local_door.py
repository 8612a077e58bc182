"""How a program of this user speaks to a server of this user on this machine, without having a key of its own."""

import atexit
import functools

from mltest.shared.trust.device_id import certificate_from_pem
from mltest.shared.trust.doors import CLEAR, Door, pinned_door
from mltest.shared.trust.identity import Identity, identity_from_pem, made_here
from mltest.shared.trust.local_peers import LocalPeers


def local_door(address: str) -> Door:
    """Return the door to the server at `address`: unix:PATH, or host:port on loopback.

    Where no server of this user says that it is there, it is a door that nobody opens.
    """
    if address.startswith("unix:"):
        return CLEAR
    peer = LocalPeers().at(address.replace("localhost:", "127.0.0.1:"))
    if peer is not None and peer.is_clear:
        return CLEAR
    own = _own_identity()
    expected = peer.certificate_pem if peer is not None else own.certificate_pem
    return pinned_door(own, expected, certificate_from_pem(expected))


@functools.cache
def _own_identity() -> Identity:
    """Return a key that this process has for as long as it lives, and that servers of this user know."""
    identity = identity_from_pem(made_here())
    publication = LocalPeers().publish(identity)
    atexit.register(publication.close)
    return identity
