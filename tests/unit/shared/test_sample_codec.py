"""Packed sequences of numbers, against a decoder of their own and against damage."""

import random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mltest.shared.sample_codec import pack, unpack


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_values_come_back_as_they_were(values: list[int]) -> None:
    assert list(unpack(pack(values))) == values


@pytest.mark.parametrize("values", [[], [0], [0] * 1000, [255], [256], [2**32 - 1], [2**32], [2**64 - 1]])
def test_values_at_the_edges_of_a_width_come_back(values: list[int]) -> None:
    assert list(unpack(pack(values))) == values


@pytest.mark.parametrize("value", [-1, 2**64])
def test_a_value_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        pack([value])


def test_the_format_is_as_documented() -> None:
    values = [0x0102 + (number % 3) for number in range(300)]
    packed = pack(values)

    assert packed[0] == 2
    assert packed[1:3] == bytes((300 & 0x7F | 0x80, 300 >> 7))
    low_size, high_size = packed[3], packed[4 + packed[3]]
    low, high = packed[4 : 4 + low_size], packed[5 + low_size :]
    assert len(high) == high_size
    assert zstandard.decompress(low) == bytes(value & 0xFF for value in values)
    assert zstandard.decompress(high) == bytes(value >> 8 for value in values)


def test_times_of_a_noisy_machine_take_two_bytes() -> None:
    chance = random.Random(5)
    values = [round(8_400 * chance.lognormvariate(0, 0.15)) for _ in range(10_000)]

    assert len(pack(values)) / len(values) < 2


@pytest.mark.parametrize("damage", ["short", "long", "wide", "empty"])
def test_damage_is_an_error(damage: str) -> None:
    packed = pack(list(range(1000)))
    broken = {"short": packed[:-3], "long": packed + b"x", "wide": b"\x09" + packed[1:], "empty": b""}[damage]

    with pytest.raises(ValueError, match="packed values"):
        unpack(broken)
