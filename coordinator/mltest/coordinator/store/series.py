"""Raw values as they arrive, while an attempt runs: the values of one series are one BLOB of little-endian integers.

Nothing here is small; it is fast. When the attempt ends, its series are sealed (sealing.py).
"""

import sys
from array import array
from collections.abc import Sequence

from mltest.coordinator.store.database import Row
from mltest.shared.domain import SampleSeries

SeriesRow = tuple[int, int, int, str, str, int, int, int, int, "array[int]", int, bool]
"""In the order of the table's columns."""


def series_row(attempt_key: int, seq: int, series_index: int, series: SampleSeries) -> SeriesRow:
    """Return the row for the series at `series_index` of the event `seq`."""
    value_bytes, blob = pack_values(series.values)
    return (
        attempt_key,
        seq,
        series_index,
        series.candidate_id,
        series.metric,
        series.batch_size,
        series.slice_index,
        series.started_monotonic_ns,
        value_bytes,
        blob,
        series.calls_per_value,
        series.is_throttled,
    )


def series_of_row(row: Row) -> SampleSeries:
    """Return the series that a row holds."""
    return SampleSeries(
        candidate_id=row["candidate_id"],
        metric=row["metric"],
        batch_size=row["batch_size"],
        slice_index=row["slice_index"],
        started_monotonic_ns=row["started_monotonic_ns"],
        values=tuple(unpack_values(row["value_bytes"], row["value_blob"])),
        calls_per_value=row["calls_per_value"],
        is_throttled=bool(row["is_throttled"]),
    )


def pack_values(values: Sequence[int]) -> tuple[int, "array[int]"]:
    """Return the size of one value, 4 or 8 bytes, and the values one after the other."""
    try:
        packed = array("I", values)
    except OverflowError:
        packed = array("Q", values)
    return packed.itemsize, _little_endian(packed)


def unpack_values(value_bytes: int, blob: bytes) -> "array[int]":
    """Return what `pack_values` packed."""
    return _little_endian(array("I" if value_bytes == 4 else "Q", blob))


def _little_endian(values: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        values.byteswap()
    return values
