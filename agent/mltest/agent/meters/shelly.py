"""Shelly plugs and relays, generation 2 and later: their counter, in steps of 3.6 J.

Source: Shelly's API, Switch.GetStatus: aenergy.total in Wh.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mltest.agent.meters.plug import PlugModel, plugs_of
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.meter_spec import MeterKind


def _energy_wh(answer: Mapping[str, Any]) -> object:
    return answer["aenergy"]["total"]


MODEL = PlugModel(
    name="shelly",
    maker="Shelly of generation 2 or later",
    path="/rpc/Switch.GetStatus?id=0",
    kind=MeterKind.COUNTER,
    resolution=3.6,
    number=_energy_wh,
    unit=3600.0,
)


@meter_kind
class Shelly:
    """Finds plugs that the site names."""

    name = MODEL.name

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return one meter for each plug that answers."""
        return plugs_of(MODEL, site)
