"""Meters and readings for tests of the engine."""

from collections.abc import Mapping, Sequence

from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading, Window

RAPL_UNIT_J = 2.0**-14
"""61 µJ, the unit of most Intel processors."""
WRAP_J = RAPL_UNIT_J * 2**32

PACKAGE = Domain(id="cpu.package-0", scope=Scope.PACKAGE, resolution=RAPL_UNIT_J, wrap_j=WRAP_J)
DRAM = Domain(id="cpu.package-0.dram", scope=Scope.DRAM, resolution=RAPL_UNIT_J, wrap_j=WRAP_J)
CORE = Domain(id="cpu.package-0.core", scope=Scope.CORE, parent="cpu.package-0", wrap_j=WRAP_J)

COUNTER = MeterSpec(
    meter="counter",
    source="made up",
    kind=MeterKind.COUNTER,
    domains=(PACKAGE, CORE, DRAM),
    update_s=1e-3,
    heartbeat_s=10.0,
    gain_u_ratio=0.02,
    floor_s=2.0,
)
POWER = MeterSpec(
    meter="sampler",
    source="made up",
    kind=MeterKind.POWER,
    domains=(Domain(id="board", scope=Scope.BOARD, resolution=0.1, offset_u_w=0.2),),
    update_s=0.005,
    gain_u_ratio=0.0025,
)


def reading_of(values: Mapping[str, float], at_s: float, took_s: float = 0.0) -> Reading:
    middle_ns, half_ns = round(at_s * 1e9), round(took_s * 1e9 / 2)
    return Reading(begin_ns=middle_ns - half_ns, end_ns=middle_ns + half_ns, values=values)


def counted(pairs: Sequence[tuple[float, float]], domain: str = PACKAGE.id) -> list[Reading]:
    """Return readings of one counter from pairs of seconds and joules."""
    return [reading_of({domain: joules}, at_s) for at_s, joules in pairs]


def window(begin_s: float, end_s: float) -> Window:
    return Window(begin_ns=round(begin_s * 1e9), end_ns=round(end_s * 1e9))
