"""Raw readings of meters as they are kept: what describes them as JSON, and two packed sequences of numbers. Pure.

Times are, for each reading, the step from the one before in ns, then, for each, how long it took. Values are the bits
of IEEE 754 doubles, domain by domain; of each but the first, the exclusive or with the one before: mostly zeros.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from mltest.coordinator.store.database import Row
from mltest.shared.domain import EnergyRecorded
from mltest.shared.jsonable import from_json, to_json
from mltest.shared.sample_codec import pack, unpack

EnergyRow = tuple[int, int, str, int, int, str, bytes, bytes]
"""Attempt, event, candidate, batch size, try, description, times, values."""
_MODULUS = 2**64


def energy_row(attempt_key: int, seq: int, recorded: EnergyRecorded) -> EnergyRow:
    """Return the row of what was recorded, in the order of the table's columns."""
    bare = replace(
        recorded,
        begin_ns=(),
        took_ns=(),
        domains=tuple(replace(one, values=()) for one in recorded.domains),
    )
    times = [*_steps(recorded.begin_ns), *recorded.took_ns]
    bits = [number for one in recorded.domains for number in _exclusive(one.values)]
    key = (attempt_key, seq, recorded.candidate_id, recorded.batch_size, recorded.try_index)
    return (*key, to_json(bare), pack(times), pack(bits))


def energy_of_row(row: Row) -> EnergyRecorded:
    """Return what a row holds."""
    bare = from_json(row["recorded_json"], EnergyRecorded)
    times = unpack(row["time_blob"])
    count = len(times) // 2
    bits = iter(unpack(row["value_blob"]))
    return replace(
        bare,
        begin_ns=tuple(_summed(times[:count])),
        took_ns=tuple(times[count:]),
        domains=tuple(replace(one, values=tuple(_values(islice(bits, count)))) for one in bare.domains),
    )


def _steps(numbers: Sequence[int]) -> list[int]:
    return [(number - before) % _MODULUS for before, number in zip([0, *numbers[:-1]], numbers, strict=True)]


def _summed(steps: Iterable[int]) -> Iterator[int]:
    number = 0
    for step in steps:
        number = (number + step) % _MODULUS
        yield number


def _exclusive(values: Sequence[float]) -> Iterator[int]:
    before = 0
    for value in values:
        (bits,) = struct.unpack("<Q", struct.pack("<d", value))
        yield bits ^ before
        before = bits


def _values(exclusive: Iterable[int]) -> Iterator[float]:
    bits = 0
    for one in exclusive:
        bits ^= one
        yield struct.unpack("<d", struct.pack("<Q", bits))[0]
