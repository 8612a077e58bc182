"""Power over time whose energy is known exactly."""

import itertools
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waveform:
    """Power that is steady between moments."""

    starts_s: tuple[float, ...]
    """Ascending; the first is 0."""
    powers_w: tuple[float, ...]
    """From each of these on."""
    energies_j: tuple[float, ...]
    """Until each of these."""

    def energy_j(self, at_s: float) -> float:
        """Return the energy from 0 until `at_s`."""
        index = bisect_right(self.starts_s, at_s) - 1
        return self.energies_j[index] + self.powers_w[index] * (at_s - self.starts_s[index])

    def power_w(self, at_s: float) -> float:
        """Return the power at `at_s`."""
        return self.powers_w[bisect_right(self.starts_s, at_s) - 1]


def waveform(segments: list[tuple[float, float]]) -> Waveform:
    """Return the course of segments: seconds and watts."""
    starts = tuple(itertools.accumulate((seconds for seconds, _ in segments[:-1]), initial=0.0))
    energies = tuple(itertools.accumulate((seconds * watts for seconds, watts in segments[:-1]), initial=0.0))
    return Waveform(starts, tuple(watts for _, watts in segments), energies)
