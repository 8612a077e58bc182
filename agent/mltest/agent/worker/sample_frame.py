"""Raw values in a frame between worker and agent: little-endian unsigned integers in base64."""

import base64
import sys
from array import array
from collections.abc import Sequence

from mltest.shared.children.frames import Frame

_CODE_OF_WIDTH = {4: "I", 8: "Q"}


def samples_to_frame(values: Sequence[int]) -> Frame:
    """Return `values` (not negative) with 4 bytes each, or with 8 where one needs more."""
    width = 4 if max(values, default=0) < 2**32 else 8
    packed = array(_CODE_OF_WIDTH[width], values)
    return {"width": width, "data": base64.b64encode(_little_endian(packed).tobytes()).decode("ascii")}


def samples_from_frame(frame: Frame) -> tuple[int, ...]:
    """Return the values in `frame`.

    Raises:
        ValueError, KeyError: it is not such a frame.

    """
    packed = array(_CODE_OF_WIDTH[frame["width"]])
    packed.frombytes(base64.b64decode(frame["data"], validate=True))
    return tuple(_little_endian(packed))


def _little_endian(values: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        values.byteswap()
    return values
