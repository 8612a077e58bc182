"""What a metric is: its key, unit and better direction."""

from dataclasses import dataclass
from enum import Enum


class Better(Enum):
    """Which direction is better."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    key: str
    unit: str
    """ns, s, bytes, rows/s, 1/s, 1 (a ratio), count, value (in what the data are in)."""
    better: Better
    meaning: str
    """For people, with its source where it has one."""
