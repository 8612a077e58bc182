"""Raw values as few bytes: the bytes of equal weight of all values side by side, each such plane compressed by itself.

Format of a packed sequence, lowest plane first; a count is an unsigned LEB128 number:

    width (1 byte: planes that follow; higher bytes of every value are zero) | count of values
    width times: count of bytes | bytes

A plane of as many bytes as there are values is stored as it is; one of fewer bytes is a zstandard frame. zstandard
has one table of code words for neighbouring planes if it sees them together: apart, they take 7 % less.
"""

import sys
from array import array
from collections.abc import Sequence

_LEVEL = 10
_VALUE_BYTES = 8

MAX_VALUES = 1 << 26
"""Of one sequence; what claims more is damaged, and would take more memory than there is."""
_MAX_DIGITS = 10
"""Of a LEB128 number of 64 bits."""


def pack(values: Sequence[int]) -> bytes:
    """Return `values`, each 0 to 2**64 - 1, in their order as bytes.

    Raises:
        OverflowError: a value is out of range.

    """
    import zstandard

    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    wide = array("Q", values)
    width = (max(wide, default=0).bit_length() + 7) // 8
    content = _little_endian(wide).tobytes()
    parts = [bytes((width,)), _number(len(values))]
    for place in range(width):
        plane = content[place::_VALUE_BYTES]
        compressed = compressor.compress(plane)
        shortest = compressed if len(compressed) < len(plane) else plane
        parts += (_number(len(shortest)), shortest)
    return b"".join(parts)


def unpack(packed: bytes) -> "array[int]":
    """Return what `pack` was given.

    Raises:
        ValueError: `packed` was not made by `pack`, or is damaged in a way that shows.

    """
    try:
        return _unpacked(packed)
    except IndexError as error:
        raise ValueError("packed values end too early") from error


def _unpacked(packed: bytes) -> "array[int]":
    width = packed[0]
    if width > _VALUE_BYTES:
        raise ValueError("packed values are wider than 8 bytes")
    count, offset = _read_number(packed, 1)
    if count > MAX_VALUES:
        raise ValueError("packed values are more than can be")
    content = bytearray(count * _VALUE_BYTES)
    for place in range(width):
        size, offset = _read_number(packed, offset)
        content[place::_VALUE_BYTES] = _plane(packed[offset : offset + size], count)
        offset += size
    if offset != len(packed):
        raise ValueError("packed values have the wrong length")
    return _little_endian(array("Q", bytes(content)))


def _plane(stored: bytes, count: int) -> bytes:
    """Return the `count` bytes of a plane."""
    import zstandard

    if len(stored) == count:
        return stored
    try:
        plane = zstandard.ZstdDecompressor().decompress(stored, max_output_size=count)
    except zstandard.ZstdError as error:
        raise ValueError(f"a plane of packed values is damaged: {error}") from error
    if len(plane) != count:
        raise ValueError("a plane of packed values has the wrong length")
    return plane


def _number(value: int) -> bytes:
    """Return `value` as LEB128. Source: DWARF 5, section 7.6."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _read_number(packed: bytes, offset: int) -> tuple[int, int]:
    """Return the number at `offset` and the offset behind it."""
    value = shift = 0
    end = offset + _MAX_DIGITS
    while packed[offset] > 0x7F:
        if offset >= end:
            raise ValueError("a count in packed values is too long")
        value |= (packed[offset] & 0x7F) << shift
        shift += 7
        offset += 1
    return value | packed[offset] << shift, offset + 1


def _little_endian(values: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        values.byteswap()
    return values
