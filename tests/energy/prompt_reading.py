"""Readings of a certain moment, on machines that are busy with other tests."""

from mltest.agent.meters.role import Meter
from mltest.shared.energy.reading import Reading

_LONGEST_S = 1e-3


def prompt_reading(meter: Meter) -> Reading:
    """Return the first reading that did not take longer than the engine accepts."""
    while (reading := meter.read()).took_s > _LONGEST_S:
        pass
    return reading
