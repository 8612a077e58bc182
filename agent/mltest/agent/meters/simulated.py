"""A meter that pretends: for trying things out where there is none. Its boundary is its own, and called an estimate."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec, Origin
from mltest.shared.energy.reading import Reading

NAME = "simulated"
_UPDATE_NS = 1_000_000
_BUSY_SHARE = 0.5
"""Of the power at rest, what each busy processor adds."""
_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq")
_BUSY_FIELDS = (0, 1, 2, 5, 6)
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
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
        return [SimulatedMeter(site.simulated_w, busy_w=_BUSY_SHARE * site.simulated_w, root=site.root)]


class SimulatedMeter:
    """A counter like RAPL's: stale by up to a millisecond, quantised, wrapping.

    Args:
        power_w: at rest.
        busy_w: what each busy processor adds to it; seen only in steps of the kernel's ticks.
        root: where the machine's file system starts.

    """

    def __init__(self, power_w: float, *, busy_w: float = 0.0, root: Path = Path("/")) -> None:
        self._power_w = power_w
        self._busy_w = busy_w
        self._root = root
        self.spec = MeterSpec(
            meter=NAME,
            source=f"nothing: {power_w:g} W are made up",
            kind=MeterKind.COUNTER,
            domains=(Domain(id="simulated", scope=Scope.SIMULATED, resolution=_UNIT_J, wrap_j=_WRAP_J),),
            update_s=max(_UPDATE_NS / 1e9, 1 / _TICKS_PER_S if busy_w else 0.0),
            update_origin=Origin.DRIVER,
            heartbeat_s=min(10.0, _WRAP_J / 4 / max(power_w + busy_w * (os.cpu_count() or 1), 1.0)),
            floor_s=2.0,
            is_estimate=True,
            note="made up",
        )

    def open(self) -> None:
        """Nothing has to be opened."""

    def read(self) -> Reading:
        """Return the made-up counter."""
        now_ns = time.monotonic_ns()
        updated_ns = now_ns // _UPDATE_NS * _UPDATE_NS
        energy_j = self._power_w * updated_ns / 1e9 + self._busy_w * self._busy_s()
        count = int(energy_j / _UNIT_J)
        return Reading(begin_ns=now_ns, end_ns=time.monotonic_ns(), values={"simulated": count * _UNIT_J % _WRAP_J})

    def close(self) -> None:
        """Nothing is open."""

    def _busy_s(self) -> float:
        """Return how long processors have been busy, all together. Source: proc(5), /proc/stat."""
        fields = kernel_line(self._root / "proc/stat").split()[1:8] if self._busy_w else []
        ticks = [int(field) for field in fields if field.isdigit()]
        return sum(ticks[place] for place in _BUSY_FIELDS) / _TICKS_PER_S if len(ticks) == len(_FIELDS) else 0.0
