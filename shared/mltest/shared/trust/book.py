"""Who may call a server, as of now: read again whenever a file changed, so that nothing has to be restarted."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc

from mltest.shared.trust.device_id import certificate_from_pem, device_id_of
from mltest.shared.trust.identity import Keys, identity_signature, keys_in, made_in_a_process
from mltest.shared.trust.local_peers import LocalPeers
from mltest.shared.trust.peers import Peer, Peers
from mltest.shared.trust.usage import may_call

_LOG = logging.getLogger(__name__)

_REMEMBERED_CERTIFICATES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, known by key."""

    device_id: str
    certificate_der: bytes
    peer: Peer | None
    """The pin; None for a process of this user, which needs none."""


class TrustBook:
    """The keys and the peers of one server; its methods may be called from any thread."""

    def __init__(
        self,
        state: Path,
        *,
        roles: tuple[str, ...],
        local: LocalPeers,
        make: Callable[[], str] = made_in_a_process,
    ) -> None:
        self.peers = Peers(state)
        self._state = state
        self._roles = roles
        self._local = local
        self._make = make
        self._lock = threading.Lock()
        self._keys = keys_in(state, make=make)
        self._keys_signature: object = identity_signature(state)
        self._ids: OrderedDict[bytes, tuple[str, bytes]] = OrderedDict()

    @property
    def keys(self) -> Keys:
        """The keys of this server, as they are on the disk now."""
        with self._lock:
            return self._current_keys()

    def pins(self) -> tuple[Peer, ...]:
        """Return the peers that may call."""
        with self._lock:
            return self._pins()

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that ask at each handshake who is trusted now."""
        given = [self._state_of_trust()]

        def changed() -> grpc.ServerCertificateConfiguration | None:
            try:
                if (now := self._state_of_trust()) == given[0]:
                    return None
                configuration = self._configuration()
            except Exception:
                # The library would go on with what it had, and say nothing.
                _LOG.exception("who is trusted cannot be read; what was trusted before still is")
                return None
            given[0] = now
            return configuration

        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            cast("Callable[[], grpc.ServerCertificateConfiguration]", changed),
            require_client_authentication=True,
        )

    def caller(self, certificate_pem: bytes, *, is_loopback: bool) -> Caller | None:
        """Return who calls with that certificate; None if nobody is trusted who could be it."""
        with self._lock:
            device_id, certificate_der = self._identified(certificate_pem)
            pin = next((peer for peer in self._pins() if peer.device_id == device_id), None)
            if pin is not None or (is_loopback and self._local.find(device_id) is not None):
                return Caller(device_id=device_id, certificate_der=certificate_der, peer=pin)
            return None

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        with self._lock:
            keys, trusted = self._current_keys(), self._trusted()
        # Without a root nobody could be refused by name; its own certificate lets nobody in but itself.
        roots = "".join(trusted.values()) or keys.current.certificate_pem
        # Callers name the key that they expect (SNI), so both are there while the older one counts.
        pairs = [(key.key_pem.encode(), key.certificate_pem.encode()) for key in keys.all]
        return grpc.ssl_server_certificate_configuration(pairs, roots.encode())

    def _trusted(self) -> dict[str, str]:
        """Return certificates by id: roots with the same subject would hide each other."""
        local = {peer.device_id: peer.certificate_pem for peer in self._local.all()}
        return local | {peer.device_id: peer.certificate_pem for peer in self._pins()}

    def _pins(self) -> tuple[Peer, ...]:
        return tuple(peer for peer in self.peers.of_role(*self._roles) if may_call(peer.certificate_pem))

    def _state_of_trust(self) -> object:
        with self._lock:
            return self._current_keys(), tuple(sorted(self._trusted()))

    def _current_keys(self) -> Keys:
        signature = identity_signature(self._state)
        if signature != self._keys_signature:
            self._keys, self._keys_signature = keys_in(self._state, make=self._make), signature
        return self._keys

    def _identified(self, certificate_pem: bytes) -> tuple[str, bytes]:
        """Return id and DER of a certificate; parsing it each time would cost more than the call."""
        if (known := self._ids.get(certificate_pem)) is None:
            der = certificate_from_pem(certificate_pem.decode("ascii", "replace"))
            known = self._ids[certificate_pem] = device_id_of(der), der
            if len(self._ids) > _REMEMBERED_CERTIFICATES:
                self._ids.popitem(last=False)
        return known
