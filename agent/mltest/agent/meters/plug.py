"""What plugs that measure have in common: one number for all of the machine, asked by HTTP."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mltest.agent.meters.local_http import LocalDevice
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.errors import MeterUnreadableError

WALL = "wall"
_GAIN_U_RATIO = 0.02 / math.sqrt(3)
"""Plugs are within about 2 %, whatever they cost."""
_MOST = 1e12
"""Of a number, in its unit: a plug counts less in its life."""
_FLOOR_S, _TARGET_RATIO, _UPDATE_S = 60.0, 0.02, 1.0
"""What a plug tells of power is the mean of about as long as it is told for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugModel:
    """How plugs of one maker are asked."""

    name: str
    maker: str
    path: str
    kind: MeterKind
    resolution: float
    number: Callable[[Mapping[str, Any]], object]
    """Takes an answer; returns what should be its number, or raises LookupError or TypeError."""
    unit: float
    """Of that number, in joules or watts."""


class Plug:
    """One plug."""

    def __init__(self, model: PlugModel, address: str) -> None:
        self._model = model
        self._device = LocalDevice(model.name, address)
        self._address = address
        self.spec = MeterSpec(
            meter=model.name,
            source=f"{model.maker} at {address}",
            kind=model.kind,
            domains=(Domain(id=WALL, scope=Scope.WALL, resolution=model.resolution),),
            update_s=_UPDATE_S,
            averaging_s=_UPDATE_S if model.kind is MeterKind.POWER else 0.0,
            gain_u_ratio=_GAIN_U_RATIO,
            floor_s=_FLOOR_S,
            target_ratio=_TARGET_RATIO,
            note="everything that is plugged into it counts",
        )

    def open(self) -> None:
        """Nothing stays open: plugs serve few connections."""

    def read(self) -> Reading:
        """Ask the plug; takes some milliseconds, at most `local_http.TIMEOUT_S`."""
        begin_ns = time.monotonic_ns()
        answer = self._device.answer(self._model.path)
        end_ns = time.monotonic_ns()
        try:
            number = self._model.number(answer)
        except (LookupError, TypeError) as error:
            raise self._nonsense() from error
        if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number <= _MOST:
            raise self._nonsense()
        return Reading(begin_ns=begin_ns, end_ns=end_ns, values={WALL: number * self._model.unit})

    def close(self) -> None:
        """Nothing stays open."""

    def _nonsense(self) -> MeterUnreadableError:
        return MeterUnreadableError(
            meter=f"{self._model.name}={self._address}",
            detail="its answer has no number where one is expected",
            next_step=f"is it a {self._model.maker}?",
        )


def plugs_of(model: PlugModel, site: MeterSite) -> Sequence[Meter | Unavailable]:
    """Return the plugs of this model that `site` names and that answer."""
    pairs = [plug.partition("=") for plug in site.plugs]
    addresses = [address for kind, _, address in pairs if kind == model.name]
    found: list[Meter | Unavailable] = []
    for address in addresses:
        try:
            plug = Plug(model, address)
            plug.read()
        except MeterUnreadableError as error:
            reason = f"{address}: {error.facts['detail']}"
            found.append(Unavailable(meter=model.name, reason=reason, remedy=str(error.facts.get("next_step", ""))))
        else:
            found.append(plug)
    none = Unavailable(meter=model.name, reason=f"no {model.maker} is named (--plug {model.name}=ADDRESS)")
    return found or [none]
