"""Counts over all slices of a visit."""

from collections import Counter

from mltest.agent.visit.visit_notes import clipped_notes, fault_notes
from mltest.agent.visit.worker_answers import TimedSlice


class SliceTally:
    """What the slices so far took."""

    def __init__(self) -> None:
        self.measuring_ns = 0
        """Time inside timed slices."""
        self._clipped_slices = 0
        self._minor_faults: Counter[str] = Counter()
        self._call_counts: Counter[str] = Counter()

    def add(self, timed: TimedSlice) -> None:
        """Count one slice."""
        series = timed.series
        self.measuring_ns += timed.measuring_ns
        self._clipped_slices += timed.is_clipped
        self._minor_faults[series.candidate_id] += timed.minor_faults
        self._call_counts[series.candidate_id] += _call_count(timed)

    def notes(self) -> tuple[str, ...]:
        """Return what makes the numbers less reliable, for people."""
        faults = (fault_notes(name, self._minor_faults[name], calls) for name, calls in self._call_counts.items())
        return (*clipped_notes(self._clipped_slices), *(note for found in faults for note in found))


def _call_count(timed: TimedSlice) -> int:
    """Return about how many calls there were, those between the timed ones included."""
    values = timed.series.values
    calls = len(values) * max(timed.series.calls_per_value, 1)
    return round(calls * timed.measuring_ns / max(sum(values), 1))
