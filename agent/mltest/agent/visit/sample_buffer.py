"""Collects series until it is worth a message."""

from collections.abc import Iterable

from mltest.shared.domain import SampleBatch, SampleSeries

FLUSH_NS = 10**9
"""Samples are passed on about once a second, between slices: what costs is the message, not the values."""
FLUSH_VALUES = 300_000
"""Keeps a message below 4 MiB: a value takes at most 5 bytes below 4.29 s, and slower calls are few."""


class SampleBuffer:
    """Series that were measured and not passed on yet, and how many there were in all."""

    def __init__(self, now_ns: int) -> None:
        self._pending: list[SampleSeries] = []
        self._pending_values = 0
        self._flushed_ns = now_ns
        self.series_count = 0
        self.value_count = 0

    def add(self, series: Iterable[SampleSeries]) -> None:
        """Keep `series` until they are taken."""
        for one in series:
            self._pending.append(one)
            self._pending_values += len(one.values)
            self.series_count += 1
            self.value_count += len(one.values)

    def is_due(self, now_ns: int) -> bool:
        """Return whether it is time to pass on what is there."""
        is_old = now_ns - self._flushed_ns >= FLUSH_NS
        return bool(self._pending) and (is_old or self._pending_values >= FLUSH_VALUES)

    def take(self, now_ns: int) -> SampleBatch | None:
        """Return what is there and forget it; None if there is nothing."""
        self._flushed_ns = now_ns
        taken, self._pending, self._pending_values = tuple(self._pending), [], 0
        return SampleBatch(series=taken) if taken else None
