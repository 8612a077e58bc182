"""What a line between two peers does to the bytes on it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line; the default one is perfect."""

    latency_s: float = 0.0
    """For every byte, in each direction."""
    bytes_per_s: float = math.inf
    """Of all connections together, in each direction."""
    slice_bytes: int = 65_536
    """Largest piece that is passed on at once; few bytes make every message arrive in crumbs."""
    reset_after_bytes: int | None = None
    """A connection is reset (RST) once more than so many bytes went to the target; None: never."""
    flip_at_byte: int | None = None
    """Lowest bit of this byte to the target is flipped, counted from the start of each connection; None: none."""
    is_black_hole: bool = False
    """Nothing arrives, nothing is closed; what was under way arrives once the line is healed."""


PERFECT = Line()
MBIT_PER_S = 125_000.0
"""Bytes a second of 1 Mbit/s."""
