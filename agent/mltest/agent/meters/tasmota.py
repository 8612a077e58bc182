"""Plugs with Tasmota: their power, since one step of their counter is 3600 J.

Source: Tasmota's documentation, command Status 10: StatusSNS.ENERGY.Power in W.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mltest.agent.meters.plug import PlugModel, plugs_of
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.meter_spec import MeterKind


def _power_w(answer: Mapping[str, Any]) -> object:
    return answer["StatusSNS"]["ENERGY"]["Power"]


MODEL = PlugModel(
    name="tasmota",
    maker="plug with Tasmota",
    path="/cm?cmnd=status%2010",
    kind=MeterKind.POWER,
    resolution=1.0,
    number=_power_w,
    unit=1.0,
)


@meter_kind
class Tasmota:
    """Finds plugs that the site names."""

    name = MODEL.name

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return one meter for each plug that answers."""
        return plugs_of(MODEL, site)
