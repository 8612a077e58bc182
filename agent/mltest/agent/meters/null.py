"""The meter of a machine without meters: everything is absent, never 0."""

import time
from collections.abc import Sequence

from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading

NAME = "null"


@meter_kind
class Null:
    """Finds nothing, everywhere."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return nothing at all: a machine always has this one, and nobody has to be told of it."""
        return []


class NullMeter:
    """Reads nothing; in place of a meter where there is none."""

    spec = MeterSpec(meter=NAME, source="nothing", kind=MeterKind.COUNTER, domains=(), update_s=1.0)

    def open(self) -> None:
        """Nothing has to be opened."""

    def read(self) -> Reading:
        """Return a reading without values."""
        now_ns = time.monotonic_ns()
        return Reading(begin_ns=now_ns, end_ns=now_ns, values={})

    def close(self) -> None:
        """Nothing is open."""
