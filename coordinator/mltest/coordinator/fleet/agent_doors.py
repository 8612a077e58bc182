"""The way to each agent: which key it has to show, and with which of ours it is spoken to.

An agent is spoken to in three cases only: its key is pinned; it proves the secret of an invitation now; or it is a
process of this user on loopback. Everybody else is named, with the command that mends it, and gets nothing.
"""

import asyncio
import ipaddress
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mltest.coordinator.fleet.agent_client import CONNECT_TIMEOUT_S, AgentClient
from mltest.coordinator.fleet.enrolment import Enrolment
from mltest.shared.errors import AgentNotEnrolledError, AgentUnreachableError, KeyChangedError, MltestError
from mltest.shared.trust.device_id import certificate_from_pem, certificate_to_pem
from mltest.shared.trust.doors import CLEAR, Door, pinned_door
from mltest.shared.trust.identity import OVERLAP_S, Identity, Keys, keys_in, made_here
from mltest.shared.trust.invitations import Invitations
from mltest.shared.trust.local_peers import LocalPeer, LocalPeers, Publication
from mltest.shared.trust.peers import AGENT, Peer, Peers
from mltest.shared.trust.probe import Found, NotTlsError, probe

JOIN = "on it run `mltest-agent join -` with what `mltest-coordinator invite` prints here"
_NOT_TLS = "start it without --insecure, and with this version: it does not speak TLS"


class AgentDoors:
    """Of the coordinator with state directory `state`."""

    def __init__(
        self, state: Path, *, local: LocalPeers | None = None, clock_s: Callable[[], float] = time.time
    ) -> None:
        self._state = state
        self._clock_s = clock_s
        self._local = local or LocalPeers()
        self._peers = Peers(state, clock_s)
        self._enrolment = Enrolment(self._peers, Invitations(state, clock_s))
        self._publication: Publication | None = None
        self._published = ""
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reach(self, address: str, *, agent_id: str = "", name: str = "") -> AgentClient:
        """Return a client of the agent at `address`, which nobody else can answer.

        Args:
            address: host:port.
            agent_id: who is expected there, as far as that is known or advertised.
            name: for messages.

        Raises:
            AgentUnreachableError: nobody answers there.
            AgentNotEnrolledError: who answers is not enrolled here, or does not trust this coordinator.
            KeyChangedError: who is expected there has another key.
            InvitationExpiredError, InvitationUsedUpError, InvitationRefusedError: its invitation does not count.

        """
        keys = await self._keys()
        if is_loopback(address) and (peer := self._local.at(_numeric(address))) is not None:
            return AgentClient(address, _local_door(keys.current, peer), name)
        found = await self._probe(address, keys.current, name)
        async with self._locks[found.device_id]:
            pin = self._peers.find(found.device_id)
            if pin is not None and pin.role == AGENT:
                return await self._known(address, pin, found, keys)
            if (near := self._near(address, found)) is not None:
                return AgentClient(near, _door(keys.current, found), name)
            expected = self._expected(address, agent_id, name)
            for old in expected:
                if (successor := await self._succeeded(address, old, found, keys)) is not None:
                    return successor
            return await self._enrolled(address, expected, found, keys, name)

    def forget(self, text: str) -> tuple[Peer, ...]:
        """Trust an agent no more, named by name or id; return what was pinned of it.

        Raises:
            PeerUnknownError: no enrolled agent is meant.

        """
        forgotten = self._peers.named(text, AGENT)
        for peer in forgotten:
            self._peers.remove(peer.device_id)
        return forgotten

    def close(self) -> None:
        """Be no longer known to the processes of this user."""
        if self._publication is not None:
            self._publication.close()
            self._publication = None

    async def _keys(self) -> Keys:
        keys = await asyncio.to_thread(keys_in, self._state, make=made_here, clock_s=self._clock_s)
        if keys.current.device_id != self._published:
            self.close()
            self._publication = self._local.publish(keys.current)
            self._published = keys.current.device_id
        return keys

    def _near(self, address: str, found: Found) -> str | None:
        """Return the way over loopback to a process of this user; None if it is none, or not on this machine."""
        peer = self._local.find(found.device_id)
        if peer is None:
            return None
        if is_loopback(address):
            return address
        return peer.address if is_loopback(peer.address) and _is_here(address) else None

    def _expected(self, address: str, agent_id: str, name: str) -> list[Peer]:
        """Return who was enrolled under what is known of who should answer at `address`."""
        pins = self._peers.of_role(AGENT)
        same = [pin for pin in pins if agent_id and pin.lasting_id == agent_id]
        return same or [pin for pin in pins if pin.address == address or (name and pin.name == name)]

    async def _probe(self, address: str, identity: Identity, name: str) -> Found:
        label = f"{name} ({address})" if name else address
        try:
            return await probe(address, identity, timeout_s=CONNECT_TIMEOUT_S)
        except NotTlsError as error:
            raise AgentUnreachableError(agent=label, detail="it does not speak TLS", next_step=_NOT_TLS) from error
        except TimeoutError as error:
            detail = f"no connection within {CONNECT_TIMEOUT_S:g} s"
            raise AgentUnreachableError(agent=label, detail=detail) from error
        except OSError as error:
            detail = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise AgentUnreachableError(agent=label, detail=detail) from error

    async def _known(self, address: str, pin: Peer, found: Found, keys: Keys) -> AgentClient:
        """Return a client of an agent whose key is pinned; one that knows an older key of ours is told the newer."""
        if found.accepts_us:
            return AgentClient(address, _door(keys.current, found), pin.name, agent_id=pin.lasting_id)
        identity = await self._accepted(address, found, keys, pin.name)
        if identity is None:
            detail = "it does not trust this coordinator any more"
            raise AgentNotEnrolledError(agent=pin.name, device_id=pin.device_id, detail=detail, next_step=JOIN)
        await self._introduce(AgentClient(address, _door(identity, found), pin.name), keys.current)
        return AgentClient(address, _door(keys.current, found), pin.name, agent_id=pin.lasting_id)

    async def _accepted(self, address: str, found: Found, keys: Keys, name: str) -> Identity | None:
        """Return which of our keys is accepted there."""
        if found.accepts_us:
            return keys.current
        if keys.previous is not None:
            again = await self._probe(address, keys.previous, name)
            if again.accepts_us and again.device_id == found.device_id:
                return keys.previous
        return None

    async def _introduce(self, client: AgentClient, identity: Identity) -> None:
        try:
            await client.introduce_key(identity.certificate_der)
        finally:
            await client.close()

    async def _succeeded(self, address: str, old: Peer, found: Found, keys: Keys) -> AgentClient | None:
        """Return a client of an agent that vouches, with its pinned key, for the new key that it shows."""
        identity = await self._accepted(address, found, keys, old.name)
        if identity is None:
            return None
        client = AgentClient(address, pinned_door(identity, old.certificate_pem, old.certificate_der), old.name)
        try:
            if await client.current_key() != found.certificate_der:
                return None
        except MltestError:
            return None
        finally:
            await client.close()
        pem = certificate_to_pem(found.certificate_der)
        new = replace(old, device_id=found.device_id, certificate_pem=pem, since_unix_s=0, until_unix_s=None)
        self._peers.put(new)
        self._peers.put(replace(old, until_unix_s=int(self._clock_s()) + OVERLAP_S))
        return await self._known(address, new, found, keys)

    async def _enrolled(self, address: str, expected: list[Peer], found: Found, keys: Keys, name: str) -> AgentClient:
        """Return a client of an agent that proves its invitation."""
        label = name or address
        identity = await self._accepted(address, found, keys, label)
        if identity is not None:
            client = AgentClient(address, _door(identity, found), label)
            try:
                pin = await self._enrolment.enrol(client, identity, found, address)
            except AgentNotEnrolledError:
                _raise_changed(address, expected, found)
                raise
            finally:
                await client.close()
            return await self._known(address, pin, replace(found, accepts_us=identity == keys.current), keys)
        _raise_changed(address, expected, found)
        detail = "it does not trust this coordinator"
        raise AgentNotEnrolledError(agent=label, device_id=found.device_id, detail=detail, next_step=JOIN)


def is_loopback(address: str) -> bool:
    """Return whether `address` (host:port) never leaves this machine."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_here(address: str) -> bool:
    """Return whether `address` (host:port) is of an interface of this machine."""
    host = address.rpartition(":")[0].strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        try:
            attempt.bind((host, 0))
        except OSError:
            return False
    return True


def _raise_changed(address: str, expected: list[Peer], found: Found) -> None:
    if expected:
        old = expected[0]
        step = f"if it was reset or replaced: `mltest-coordinator forget {old.device_id[:12]}`; then {JOIN}"
        raise KeyChangedError(
            agent=old.name, old_id=old.device_id, new_id=found.device_id, address=address, next_step=step
        )


def _numeric(address: str) -> str:
    return address.replace("localhost:", "127.0.0.1:") if address.startswith("localhost:") else address


def _local_door(identity: Identity, peer: LocalPeer) -> Door:
    if peer.is_clear:
        return CLEAR
    return pinned_door(identity, peer.certificate_pem, certificate_from_pem(peer.certificate_pem))


def _door(identity: Identity, found: Found) -> Door:
    return pinned_door(identity, certificate_to_pem(found.certificate_der), found.certificate_der)
