"""Raw values as they are kept: all slices of one candidate, metric and batch size of an attempt are one row. Pure.

A row has two packed sequences (mltest.shared.sample_codec): the values of all slices one after the other, and what is
said of the slices, column by column: step of the slice index, step of the start in ns, count of values, calls for each
value, whether the machine was throttled. Steps are taken modulo 2**64, so that no order of slices is impossible.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence

from mltest.coordinator.store.database import Row
from mltest.coordinator.store.series import unpack_values
from mltest.shared.domain import SampleSeries
from mltest.shared.sample_codec import pack, unpack

SealedRow = tuple[int, str, str, int, int, int, bytes, bytes]
"""Attempt, candidate, metric, batch size, count of slices, start of the first in ns, slices, values."""

_COLUMNS = 5
_MODULUS = 2**64


def sealed_rows(attempt_key: int, rows: Iterable[Row]) -> list[SealedRow]:
    """Return what replaces `rows` of an attempt: keys as they first appear, the slices of each in the order of `rows`.

    Args:
        attempt_key: the attempt.
        rows: of the table `series`.

    """
    groups: dict[tuple[str, str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["candidate_id"], row["metric"], row["batch_size"]), []).append(row)
    return [_sealed_row(attempt_key, key, slices) for key, slices in groups.items()]


def opened(row: Row) -> Iterator[SampleSeries]:
    """Yield the series that a row of the table `sealed_series` holds, slice by slice in their order."""
    values = unpack(row["value_blob"])
    columns = unpack(row["slice_blob"])
    count = row["slice_count"]
    index_steps, start_steps, sizes, calls, throttled = (
        columns[place * count : (place + 1) * count] for place in range(_COLUMNS)
    )
    starts = _summed(row["started_monotonic_ns"], start_steps)
    offset = 0
    for place, slice_index in enumerate(_summed(0, index_steps)):
        end = offset + sizes[place]
        yield SampleSeries(
            candidate_id=row["candidate_id"],
            metric=row["metric"],
            batch_size=row["batch_size"],
            slice_index=slice_index,
            started_monotonic_ns=starts[place],
            values=tuple(values[offset:end]),
            calls_per_value=calls[place],
            is_throttled=bool(throttled[place]),
        )
        offset = end


def _sealed_row(attempt_key: int, key: tuple[str, str, int], slices: Sequence[Row]) -> SealedRow:
    values = array("Q")
    sizes = []
    for row in slices:
        found = unpack_values(row["value_bytes"], row["value_blob"])
        sizes.append(len(found))
        values.extend(found if found.typecode == "Q" else array("Q", found))
    started_ns = slices[0]["started_monotonic_ns"]
    columns = [
        *_steps(0, [row["slice_index"] for row in slices]),
        *_steps(started_ns, [row["started_monotonic_ns"] for row in slices]),
        *sizes,
        *(row["calls_per_value"] for row in slices),
        *(row["is_throttled"] for row in slices),
    ]
    return (attempt_key, *key, len(slices), started_ns, pack(columns), pack(values))


def _steps(begin: int, numbers: Sequence[int]) -> list[int]:
    return [(number - before) % _MODULUS for before, number in zip([begin, *numbers[:-1]], numbers, strict=True)]


def _summed(begin: int, steps: Iterable[int]) -> list[int]:
    numbers = []
    for step in steps:
        begin = (begin + step) % _MODULUS
        numbers.append(begin)
    return numbers
