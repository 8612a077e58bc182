"""Makes the agent known by mDNS. It is a convenience: whatever fails here is said once and never ends the agent."""

import asyncio
import logging
from collections.abc import Awaitable
from ipaddress import ip_address

from zeroconf import InterfaceChoice, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from mltest.agent.listening import reachable_addresses
from mltest.shared.naming import SERVICE_TYPE, Advertisement, advertisement_to_txt, instance_name

_LOG = logging.getLogger(__name__)

_GOODBYE_S = 1.0


class Advertiser:
    """One agent that listens on `host`; `announce` as often as something changed, `stop` at the end."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._responder: AsyncZeroconf | None = None
        self._is_announced = False
        self._has_warned = False

    async def announce(self, advertisement: Advertisement) -> None:
        """Say who the agent is, or what changed; only on the interface of an agent that listens on one."""
        await self._guarded(self._announce(advertisement))

    async def stop(self) -> None:
        """Say goodbye."""
        if self._responder is not None:
            await self._guarded(asyncio.wait_for(self._goodbye(self._responder), _GOODBYE_S))

    async def _announce(self, advertisement: Advertisement) -> None:
        info = _service_info(advertisement, reachable_addresses(self._host))
        if self._responder is None:
            everywhere = ip_address(self._host).is_unspecified
            interfaces = InterfaceChoice.All if everywhere else [self._host]
            self._responder = AsyncZeroconf(interfaces=interfaces, ip_version=IPVersion.V4Only)
        if self._is_announced:
            await self._responder.async_update_service(info)
        else:
            # The instance name is unique by construction, so it is not probed for: known a second earlier.
            await self._responder.async_register_service(info, cooperating_responders=True)
            self._is_announced = True

    async def _goodbye(self, responder: AsyncZeroconf) -> None:
        try:
            await responder.async_unregister_all_services()
        finally:
            await responder.async_close()

    async def _guarded(self, step: Awaitable[None]) -> None:
        try:
            await step
        except Exception as error:
            level = logging.DEBUG if self._has_warned else logging.WARNING
            self._has_warned = True
            _LOG.log(level, "mDNS does not work here (%s: %s); use --agent HOST:PORT", type(error).__name__, error)


def _service_info(advertisement: Advertisement, addresses: list[str]) -> ServiceInfo:
    return ServiceInfo(
        SERVICE_TYPE,
        instance_name(advertisement.agent_id),
        port=advertisement.port,
        properties=advertisement_to_txt(advertisement),
        # Of this process alone: where two have one identity, each leads to its own addresses.
        server=f"{advertisement.agent_id}-{advertisement.instance_id[:8]}.local.",
        parsed_addresses=addresses,
    )
