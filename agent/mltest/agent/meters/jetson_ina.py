"""Power monitors of NVIDIA Jetson boards: rails, and the sum of those that make up the board."""

import math
import time
from collections.abc import Sequence

from mltest.agent.meters.file_numbers import FileNumbers, why_not
from mltest.agent.meters.ina_boards import InaBoard, board_of
from mltest.agent.meters.ina_channels import Channel, find_channels
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec, Origin
from mltest.shared.energy.reading import Reading

NAME = "jetson-ina"
GAIN_U_RATIO = 0.0025
FLOOR_S = 10.0
_UPDATE_S = 0.005
_BOARD = "board"


@meter_kind
class JetsonIna:
    """Finds power monitors on I2C."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return one meter for all rails."""
        channels = find_channels(site.root)
        if not channels:
            return [
                Unavailable(meter=NAME, reason="there is no INA3221 or INA238 power monitor, as Jetson boards have")
            ]
        return [InaMeter(channels)]


class InaMeter:
    """All rails of one board."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = {_rail(channel.label): channel for channel in channels}
        self._files = FileNumbers()
        self._spec = ina_spec(channels, board_of([channel.label for channel in channels]))

    @property
    def spec(self) -> MeterSpec:
        """What it reads."""
        return self._spec

    def open(self) -> None:
        """Files are opened when they are read."""

    def read(self) -> Reading:
        """Return the power of every rail."""
        values, absent = {}, {}
        begin_ns = time.monotonic_ns()
        for name, channel in self._channels.items():
            try:
                values[name] = self._power_w(channel)
            except (OSError, ValueError) as error:
                absent[name] = why_not(error)
        return Reading(begin_ns=begin_ns, end_ns=time.monotonic_ns(), values=values, absent=absent)

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def _power_w(self, channel: Channel) -> float:
        if channel.power is not None:
            return self._files.number(channel.power) * channel.power_unit_w
        return math.prod(self._files.number(path) / 1e3 for path in channel.paths)


def ina_spec(channels: Sequence[Channel], board: InaBoard | None) -> MeterSpec:
    """Return what is known of these rails on this board."""
    told = [channel.update_s for channel in channels if channel.update_s is not None]
    rails = tuple(_domain(channel, board) for channel in channels)
    total = Domain(id=_BOARD, scope=Scope.BOARD, parts=tuple(map(_rail, board.parts))) if board else None
    return MeterSpec(
        meter=NAME,
        source=f"power monitors of {board.name}" if board else "power monitors of an unknown board",
        kind=MeterKind.POWER,
        domains=(*((total,) if total else ()), *rails),
        update_s=max(told, default=_UPDATE_S),
        update_origin=Origin.DRIVER if told else Origin.DATASHEET,
        gain_u_ratio=GAIN_U_RATIO,
        floor_s=FLOOR_S,
        note="" if board else "nobody knows what its rails add up to: recorded, not ranked",
    )


def _domain(channel: Channel, board: InaBoard | None) -> Domain:
    parent = ""
    if board is not None:
        feeder = board.fed_by.get(channel.label)
        parent = _rail(feeder) if feeder else _BOARD if channel.label in board.parts else ""
    return Domain(
        id=_rail(channel.label),
        scope=Scope.RAIL,
        parent=parent,
        resolution=channel.step_w,
        offset_u_w=channel.offset_u_w,
    )


def _rail(label: str) -> str:
    return f"rail.{label}"
