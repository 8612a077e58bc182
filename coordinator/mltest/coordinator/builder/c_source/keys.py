"""What the compared values are: the row itself, or keys made of it once a row. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.literals import C_TYPES, integer_literal, number_literal
from mltest.coordinator.builder.c_source.thresholds import floor_to_float32, key_of

_LARGEST_NUMBER = {"float32": "FLT_MAX", "float64": "DBL_MAX"}


class Keys(Protocol):
    """How nodes compare; a node's key is greater than its threshold where the row goes to the right."""

    @property
    def key_type(self) -> str:
        """Type of a key in C."""
        ...

    @property
    def key_count(self) -> int:
        """Keys of one row."""
        ...

    @property
    def threshold_type(self) -> str:
        """Type of a threshold in C."""
        ...

    @property
    def largest(self) -> str:
        """Threshold that no key is greater than."""
        ...

    def place(self, feature: int, *, misses_left: bool) -> int:
        """Return which key a node compares."""
        ...

    def threshold(self, value: float, *, feature: int, misses_left: bool) -> str:
        """Return the threshold of a node."""
        ...

    def lines(self) -> list[str]:
        """Return C that defines `keys_of(row, keys)`; empty if the keys are the row itself."""
        ...


@dataclass(frozen=True, slots=True)
class RowKeys:
    """The row itself; a missing value is not greater than anything, and goes left."""

    input_type: str
    number_type: str
    """Of the thresholds; float32 only if the input is."""
    key_count: int

    @property
    def key_type(self) -> str:
        """Return the type of the row."""
        return C_TYPES[self.input_type]

    @property
    def threshold_type(self) -> str:
        """Return the type of the numbers."""
        return C_TYPES[self.number_type]

    @property
    def largest(self) -> str:
        """Return infinity."""
        return "INFINITY"

    def place(self, feature: int, *, misses_left: bool) -> int:
        """Return the feature."""
        return feature

    def threshold(self, value: float, *, feature: int, misses_left: bool) -> str:
        """Return the number, rounded down if it has to be."""
        return number_literal(floor_to_float32(value) if self.number_type == "float32" else value, self.number_type)

    def lines(self) -> list[str]:
        """Return nothing."""
        return []


class Columns:
    """The features that are compared at all, once for each side to which their missing values go."""

    def __init__(self, ensemble: Ensemble) -> None:
        found = {
            (tree.features[node], tree.misses_left[node]) for tree in ensemble.trees for node, _, _ in tree.inner()
        }
        self.columns = sorted(found)
        self._places = {column: place for place, column in enumerate(self.columns)}

    @property
    def key_count(self) -> int:
        """Return the number of columns; at least one, since C knows no empty arrays."""
        return max(len(self.columns), 1)

    def place(self, feature: int, *, misses_left: bool) -> int:
        """Return the column."""
        return self._places[feature, misses_left]


class SidedKeys(Columns):
    """Numbers, a missing one being smaller or greater than all others, as its side wants it."""

    def __init__(self, ensemble: Ensemble, number_type: str) -> None:
        super().__init__(ensemble)
        self._input_type, self._number_type = ensemble.input_type, number_type
        self.key_type, self.threshold_type = C_TYPES[self._input_type], C_TYPES[number_type]
        self.largest = "INFINITY"

    def threshold(self, value: float, *, feature: int, misses_left: bool) -> str:
        """Return the number; below infinity, which stands for what is missing."""
        rounded = floor_to_float32(value) if self._number_type == "float32" else value
        return _LARGEST_NUMBER[self._input_type] if rounded == math.inf else number_literal(rounded, self._number_type)

    def lines(self) -> list[str]:
        """Return C that fills the columns."""
        largest = _LARGEST_NUMBER[self._input_type]
        key_of = [
            "static inline KEY key_of(INPUT value, KEY missing) {",
            f"    return value != value ? missing : value > {largest} ? {largest} : value;",
            "}",
            "",
        ]
        return column_lines(key_of, self.columns, "-INFINITY", "INFINITY")


class IntegerKeys(Columns):
    """Integers that are ordered as the numbers are; a missing one is the smallest or the greatest of all."""

    def __init__(self, ensemble: Ensemble) -> None:
        super().__init__(ensemble)
        self._input_type = ensemble.input_type
        self._bits = 32 if self._input_type == "float32" else 64
        self.key_type = self.threshold_type = f"int{self._bits}_t"
        self.largest = f"INT{self._bits}_MAX"

    def threshold(self, value: float, *, feature: int, misses_left: bool) -> str:
        """Return the key of the number, rounded down."""
        rounded = floor_to_float32(value) if self._input_type == "float32" else value
        return integer_literal(key_of(rounded, self._input_type), self._bits)

    def lines(self) -> list[str]:
        """Return C that turns numbers into keys: the bits, those of negative numbers turned around."""
        lines = [
            "static inline KEY key_of(INPUT value, KEY missing) {",
            "    KEY bits;",
            "    INPUT unsigned_zero = value + 0;",
            "    if (value != value)",
            "        return missing;",
            "    memcpy(&bits, &unsigned_zero, sizeof bits);",
            f"    return bits < 0 ? bits ^ {self.largest} : bits;",
            "}",
            "",
        ]
        return column_lines(lines, self.columns, f"INT{self._bits}_MIN", self.largest)


def column_lines(
    key_of: list[str],
    columns: list[tuple[int, bool]],
    left: str,
    right: str,
    more: Mapping[int, str] | None = None,
) -> list[str]:
    """Return C that makes every key of a row.

    Args:
        key_of: the function of that name, which makes one; left out where nothing would call it.
        columns: feature, and whether its missing values go left, of each key.
        left: key of a missing value that goes left.
        right: key of one that goes right.
        more: further arguments of each feature.

    """
    calls = [
        f"    keys[{place}] = key_of(row[{feature}], {left if misses_left else right}"
        f"{f', {more[feature]}' if more else ''});"
        for place, (feature, misses_left) in enumerate(columns)
    ]
    body = calls or ["    (void)row, keys[0] = 0;"]
    return [*(key_of if calls else ()), "static void keys_of(const INPUT *row, KEY *keys) {", *body, "}", ""]
