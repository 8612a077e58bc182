"""Turns the name of an advertised service into what is believed of it; everything in the records is hostile."""

import ipaddress
import logging

from zeroconf import DNSAddress, DNSService, DNSText, Zeroconf  # type: ignore[attr-defined]  # not in its __all__
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceInfo
from zeroconf.const import _CLASS_IN, _TYPE_A, _TYPE_AAAA, _TYPE_SRV, _TYPE_TXT

from mltest.coordinator.fleet.sightings import Sighting, addresses_to_try
from mltest.shared.naming import SERVICE_TYPE, Advertisement, advertisement_from_txt

_LOG = logging.getLogger(__name__)

_TIMEOUT_MS = 3000
_MAX_RECORDS = 4
"""Of one kind under one name: one agent has one, two that share an identity have two."""


async def resolved(zeroconf: Zeroconf, name: str) -> Sighting | None:
    """Return the agent that is advertised as `name`; None if it is none of ours, or is not answered for."""
    try:
        info = AsyncServiceInfo(SERVICE_TYPE, name)
        if not info.load_from_cache(zeroconf) and not await info.async_request(zeroconf, _TIMEOUT_MS):
            return None
        advertisement = advertisement_from_txt(info.properties)
        hosts = info.parsed_scoped_addresses()
        ways = [*addresses_to_try(hosts, info.port or advertisement.port), *_other_ways(zeroconf, name)]
    except (ValueError, ZeroconfError) as error:
        _LOG.debug("advertisement ignored: %r", error)
        return None
    instances = {advertisement.instance_id, *(one.instance_id for one in _advertisements(zeroconf, name))}
    return Sighting(
        advertisement=advertisement, addresses=tuple(dict.fromkeys(ways)), instance_ids=tuple(sorted(instances - {""}))
    )


def txt_advertisement(content: bytes) -> Advertisement:
    """Return what the bytes of a TXT record say.

    Raises:
        ValueError: they are not those of an agent.

    """
    return advertisement_from_txt(
        AsyncServiceInfo(SERVICE_TYPE, f"agent.{SERVICE_TYPE}", properties=content).properties
    )


def _other_ways(zeroconf: Zeroconf, name: str) -> list[str]:
    """Return where everybody is who answers to `name`; the library itself keeps to one of them."""
    ways: list[str] = []
    for record in zeroconf.cache.async_all_by_details(name, _TYPE_SRV, _CLASS_IN)[:_MAX_RECORDS]:
        assert isinstance(record, DNSService)
        hosts = [
            _text(address)
            for kind in (_TYPE_A, _TYPE_AAAA)
            for address in zeroconf.cache.async_all_by_details(record.server, kind, _CLASS_IN)
        ]
        ways += addresses_to_try([host for host in hosts if host], record.port)
    return ways


def _advertisements(zeroconf: Zeroconf, name: str) -> list[Advertisement]:
    found: list[Advertisement] = []
    for record in zeroconf.cache.async_all_by_details(name, _TYPE_TXT, _CLASS_IN)[:_MAX_RECORDS]:
        assert isinstance(record, DNSText)
        try:
            found.append(txt_advertisement(record.text))
        except ValueError:
            continue
    return found


def _text(record: object) -> str:
    """Return an address as text; empty for what is not one, or leads nowhere without its interface."""
    if not isinstance(record, DNSAddress):
        return ""
    try:
        address = ipaddress.ip_address(record.address)
    except ValueError:
        return ""
    return "" if address.is_link_local and address.version == 6 else str(address)
