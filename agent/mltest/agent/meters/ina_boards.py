"""Which rails of a Jetson add up to all of its board. Pure.

Source: NVIDIA's developer guide and the rail table of energymon (jetson/JetsonPowerRails.md). On AGX Orin,
VDDQ_VDD2_1V8AO is fed by VIN_SYS_5V0: adding every rail counts it twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class InaBoard:
    """Rails of one kind of board."""

    name: str
    parts: tuple[str, ...]
    """Rails whose sum is the whole board."""
    fed_by: Mapping[str, str] = field(default_factory=dict)
    """Other rails, and the rail that feeds each."""


_INPUT_CHILDREN = {"VDD_CPU_GPU_CV": "VDD_IN", "VDD_SOC": "VDD_IN"}
_BOARDS = (
    InaBoard(
        name="Jetson AGX Orin",
        parts=("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        fed_by={"VDDQ_VDD2_1V8AO": "VIN_SYS_5V0"},
    ),
    InaBoard(name="Jetson AGX Xavier", parts=("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V")),
    InaBoard(name="Jetson TX1 or TX2", parts=("VDD_IN", "VDD_MUX")),
    InaBoard(name="Jetson Orin NX, Orin Nano, Xavier NX or TX2 NX", parts=("VDD_IN",), fed_by=_INPUT_CHILDREN),
    InaBoard(name="Jetson Nano", parts=("POM_5V_IN",), fed_by={"POM_5V_CPU": "POM_5V_IN", "POM_5V_GPU": "POM_5V_IN"}),
    InaBoard(name="Jetson AGX Thor", parts=("VIN",)),
)
_NO_RAILS = ("", "NC", "sum of shunt voltages")


def is_rail(label: str) -> bool:
    """Return whether a channel of the chip measures something."""
    return label not in _NO_RAILS


def board_of(labels: Collection[str]) -> InaBoard | None:
    """Return the board that has these rails; None if nobody knows what they add up to."""
    return next((board for board in _BOARDS if set(board.parts) <= set(labels)), None)
