"""A meter that pretends: for trying things out where there is none. Never ranked: its boundary is its own."""

import time
from collections.abc import Sequence

from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec, Origin
from mltest.shared.energy.reading import Reading

NAME = "simulated"
_UPDATE_NS = 1_000_000
_UNIT_J = 2.0**-14
_WRAP_J = _UNIT_J * 2**32


@meter_kind
class Simulated:
    """Makes the meter that the site asks for."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return a meter of steady power."""
        if site.simulated_w is None:
            return [Unavailable(meter=NAME, reason="not asked for (--simulated WATTS)")]
        return [SimulatedMeter(site.simulated_w)]


class SimulatedMeter:
    """A counter like RAPL's, of steady power: stale by up to a millisecond, quantised, wrapping."""

    def __init__(self, power_w: float) -> None:
        self._power_w = power_w
        self.spec = MeterSpec(
            meter=NAME,
            source=f"nothing: {power_w:g} W are made up",
            kind=MeterKind.COUNTER,
            domains=(Domain(id="simulated", scope=Scope.UNKNOWN, resolution=_UNIT_J, wrap_j=_WRAP_J),),
            update_s=_UPDATE_NS / 1e9,
            update_origin=Origin.DRIVER,
            heartbeat_s=min(10.0, _WRAP_J / 4 / max(power_w, 1.0)),
            is_estimate=True,
            note="made up: recorded, not ranked",
        )

    def open(self) -> None:
        """Nothing has to be opened."""

    def read(self) -> Reading:
        """Return the made-up counter."""
        now_ns = time.monotonic_ns()
        updated_ns = now_ns // _UPDATE_NS * _UPDATE_NS
        count = int(self._power_w * updated_ns / 1e9 / _UNIT_J)
        return Reading(begin_ns=now_ns, end_ns=time.monotonic_ns(), values={"simulated": count * _UNIT_J % _WRAP_J})

    def close(self) -> None:
        """Nothing is open."""
