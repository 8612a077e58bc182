"""Thresholds in other types, so that every comparison has the same outcome. Pure."""

import math
import struct

LARGEST_KEY = {"float32": 2**31 - 1, "float64": 2**63 - 1}
"""Of integers that are compared in place of numbers; no number has it."""
_NEGATIVE_ZERO = -1
"""The key that its bits would have."""
_FORMATS = {"float32": ("<f", "<i"), "float64": ("<d", "<q")}


def next_below(value: float, input_type: str) -> float:
    """Return the largest number of `input_type` below `value`; for such x, x < value is x <= what is returned."""
    if input_type == "float64":
        return math.nextafter(value, -math.inf)
    rounded = floor_to_float32(value)
    return rounded if rounded < value else _below(rounded)


def floor_to_float32(value: float) -> float:
    """Return the largest float32 that is not above `value`.

    For x of float32, x <= value is x <= floor_to_float32(value); rounding to the nearest would send an x that is the
    rounded threshold to the other side.
    """
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        rounded = math.inf if value > 0 else -math.inf
    if not rounded > value:
        return float(rounded)
    return _below(float(rounded))


def key_of(value: float, input_type: str) -> int:
    """Return the integer that stands for a number of `input_type`: keys are ordered as numbers are.

    Both zeros have one key.

    Source: Hakert, Chen & Chen 2024, "FLInt: Exploiting Floating Point Enabled Integer Arithmetic for Efficient Random
    Forest Inference"; the bits of a negative number are turned around here, so that one comparison does for all.
    """
    as_float, as_integer = _FORMATS[input_type]
    (bits,) = struct.unpack(as_integer, struct.pack(as_float, value + 0.0))
    return int(bits) if bits >= 0 else int(bits) ^ LARGEST_KEY[input_type]


def _below(value: float) -> float:
    """Return the float32 before `value`; before either zero comes the smallest negative number."""
    key = key_of(value, "float32") - 1
    if key == _NEGATIVE_ZERO:
        key -= 1
    bits = key if key >= 0 else key ^ LARGEST_KEY["float32"]
    (value,) = struct.unpack("<f", struct.pack("<i", bits))
    return float(value)
