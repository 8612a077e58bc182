"""What mDNS says of agents, as much of it as anybody could need and no more. Pure."""

import ipaddress
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mltest.shared.naming import Advertisement

_MAX_SIGHTINGS = 4096
_MAX_OF_A_HOST = 64
"""One host that advertises thousands takes no places from others."""
_MAX_ADDRESSES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One agent as it was advertised."""

    advertisement: Advertisement
    addresses: tuple[str, ...]
    """host:port, each a way to the same agent."""
    instance_ids: tuple[str, ...] = ()
    """Of every process that advertises itself as this agent now."""


class Sightings:
    """Sightings by the name under which they were advertised; the newest one of each."""

    def __init__(self) -> None:
        self._found: dict[str, Sighting] = {}
        self._of_hosts: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._found)

    def all(self) -> tuple[Sighting, ...]:
        """Return every sighting."""
        return tuple(self._found.values())

    def put(self, name: str, sighting: Sighting) -> bool:
        """Keep a sighting; return whether there was room for it."""
        self.remove(name)
        host = _host(sighting)
        if len(self._found) >= _MAX_SIGHTINGS or self._of_hosts[host] >= _MAX_OF_A_HOST:
            return False
        self._found[name] = sighting
        self._of_hosts[host] += 1
        return True

    def remove(self, name: str) -> None:
        """Forget what was advertised under `name`."""
        if (sighting := self._found.pop(name, None)) is not None:
            self._of_hosts[_host(sighting)] -= 1
            self._of_hosts = +self._of_hosts


def addresses_to_try(hosts: Iterable[str], port: int) -> tuple[str, ...]:
    """Return host:port for the most promising of the IP addresses `hosts`: IPv4 first, link-local last."""

    def rank(host: str) -> tuple[bool, bool, str]:
        address = ipaddress.ip_address(host)
        return address.is_link_local, address.version == 6, host

    usable = {host for host in hosts if _is_unicast(host)}
    return tuple(target(host, port) for host in sorted(usable, key=rank)[:_MAX_ADDRESSES])


def target(host: str, port: int) -> str:
    """Return `host` and `port` as one address; an IPv6 address gets brackets (RFC 3986, RFC 6874)."""
    return f"[{host.replace('%', '%25')}]:{port}" if ":" in host else f"{host}:{port}"


def _is_unicast(host: str) -> bool:
    address = ipaddress.ip_address(host)
    return not (address.is_multicast or address.is_unspecified or host == "255.255.255.255")


def _host(sighting: Sighting) -> str:
    return sighting.addresses[0].rpartition(":")[0] if sighting.addresses else ""
