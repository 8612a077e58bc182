"""The peers that a state directory trusts: one small file each, so that any process of its owner can add or remove one.

Whoever serves notices a change by itself; nothing has to be restarted.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mltest.shared.errors import PeerUnknownError
from mltest.shared.trust.device_id import certificate_from_pem, device_id_of, is_device_id
from mltest.shared.trust.identity import trust_folder
from mltest.shared.trust.private_files import (
    private_folder,
    read_private,
    remove_private,
    signature_of,
    write_private,
)

COORDINATOR, AGENT, CLIENT = "coordinator", "agent", "client"

_SUFFIX = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A key that may talk to us, or that we talk to."""

    device_id: str
    certificate_pem: str
    role: str
    """coordinator, agent or client."""
    name: str = ""
    """For people, as it was called when it was pinned."""
    lasting_id: str = ""
    """What outlives its keys: identity of an agent, first key of a coordinator; empty while there was one key only."""
    address: str = ""
    """Of an agent: where it was when it was enrolled, host:port."""
    secret_hex: str = ""
    """What an agent still has to prove to this coordinator that it knows; empty once that is done."""
    since_unix_s: int = 0
    until_unix_s: int | None = None
    """When a key that was replaced stops to count; None: never."""

    @property
    def certificate_der(self) -> bytes:
        """The certificate that is pinned."""
        return certificate_from_pem(self.certificate_pem)


class Peers:
    """The pins of the state directory `state`."""

    def __init__(self, state: Path, clock_s: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock_s = clock_s
        self._signature: object = None
        self._known: dict[str, Peer] = {}

    def signature(self) -> object:
        """Return what changes with the files."""
        return signature_of(self._state / "trust" / "peers")

    def all(self) -> tuple[Peer, ...]:
        """Return every peer that counts now, the newest first."""
        signature = self.signature()
        if signature != self._signature:
            self._known, self._signature = self._read(), signature
        now_s = self._clock_s()
        counting = [peer for peer in self._known.values() if peer.until_unix_s is None or now_s < peer.until_unix_s]
        return tuple(sorted(counting, key=lambda peer: (-peer.since_unix_s, peer.device_id)))

    def of_role(self, *roles: str) -> tuple[Peer, ...]:
        """Return the peers of some roles."""
        return tuple(peer for peer in self.all() if peer.role in roles)

    def find(self, device_id: str) -> Peer | None:
        """Return the peer with that key."""
        return next((peer for peer in self.all() if peer.device_id == device_id), None)

    def named(self, text: str, role: str) -> tuple[Peer, ...]:
        """Return the peers of `role` with that name, or whose id begins with `text`: all keys of one, never two peers.

        Raises:
            PeerUnknownError: there is none, or more than one is meant.

        """
        found = [
            peer
            for peer in self.of_role(role)
            if text and (peer.name == text or peer.device_id.startswith(text) or peer.lasting_id.startswith(text))
        ]
        if len({_owner(peer) for peer in found}) != 1:
            raise PeerUnknownError(peer=text, detail="more than one fits" if found else "nobody of that name or id")
        return tuple(peer for peer in self.of_role(role) if _owner(peer) == _owner(found[0]))

    def put(self, peer: Peer) -> Peer:
        """Pin a peer, or replace what is known of it; return it as it was written."""
        written = replace(peer, since_unix_s=peer.since_unix_s or max(int(self._clock_s()), 1))
        write_private(self._path(written.device_id), json.dumps(asdict(written), indent=1) + "\n")
        return written

    def remove(self, device_id: str) -> bool:
        """Trust a key no more; return whether it was trusted."""
        return remove_private(self._path(device_id))

    def _path(self, device_id: str) -> Path:
        if not is_device_id(device_id):
            raise ValueError("this is not a device id")
        return private_folder(trust_folder(self._state) / "peers") / (device_id + _SUFFIX)

    def _read(self) -> dict[str, Peer]:
        folder = self._state / "trust" / "peers"
        found = [read_peer(path) for path in sorted(folder.glob(f"*{_SUFFIX}")) if not path.name.startswith(".")]
        return {peer.device_id: peer for peer in found if peer is not None}


def _owner(peer: Peer) -> str:
    return peer.lasting_id or peer.device_id


def read_peer(path: Path) -> Peer | None:
    """Return what a file says of a peer; None if it says nothing sensible, for example that another key is meant."""
    try:
        peer = Peer(**json.loads(read_private(path) or ""))
        is_true_to_its_key = device_id_of(peer.certificate_der) == peer.device_id == path.name.removesuffix(_SUFFIX)
    except (ValueError, TypeError, OSError):
        return None
    return peer if is_true_to_its_key else None
