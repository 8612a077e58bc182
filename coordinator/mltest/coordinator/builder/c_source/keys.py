"""What the compared values are: the row itself, or keys made of it once a row. Pure."""

import math
from dataclasses import dataclass
from typing import Protocol

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.literals import integer_literal, number_literal
from mltest.coordinator.builder.c_source.thresholds import floor_to_float32, key_of

FLOAT_TYPES = {"float32": "float", "float64": "double"}
_LARGEST_NUMBER = {"float32": "FLT_MAX", "float64": "DBL_MAX"}


class Keys(Protocol):
    """How nodes compare; a node's key is greater than its threshold where the row goes to the right."""

    key_type: str
    """In C."""
    key_count: int
    """Of one row."""
    threshold_type: str
    """In C."""
    largest: str
    """Threshold that no key is greater than."""

    def place(self, feature: int, *, misses_left: bool) -> int:
        """Return which key a node compares."""
        ...

    def threshold(self, value: float, *, misses_left: bool) -> str:
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
        return FLOAT_TYPES[self.input_type]

    @property
    def threshold_type(self) -> str:
        """Return the type of the numbers."""
        return FLOAT_TYPES[self.number_type]

    @property
    def largest(self) -> str:
        """Return infinity."""
        return "INFINITY"

    def place(self, feature: int, *, misses_left: bool) -> int:
        """Return the feature."""
        return feature

    def threshold(self, value: float, *, misses_left: bool) -> str:
        """Return the number, rounded down if it has to be."""
        return number_literal(floor_to_float32(value) if self.number_type == "float32" else value, self.number_type)

    def lines(self) -> list[str]:
        """Return nothing."""
        return []


class _Columns:
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


class SidedKeys(_Columns):
    """Numbers, a missing one being smaller or greater than all others, as its side wants it."""

    def __init__(self, ensemble: Ensemble, number_type: str) -> None:
        super().__init__(ensemble)
        self._input_type, self._number_type = ensemble.input_type, number_type
        self.key_type, self.threshold_type = FLOAT_TYPES[self._input_type], FLOAT_TYPES[number_type]
        self.largest = "INFINITY"

    def threshold(self, value: float, *, misses_left: bool) -> str:
        """Return the number; below infinity, which stands for what is missing."""
        rounded = floor_to_float32(value) if self._number_type == "float32" else value
        return _LARGEST_NUMBER[self._input_type] if rounded == math.inf else number_literal(rounded, self._number_type)

    def lines(self) -> list[str]:
        """Return C that fills the columns."""
        largest = _LARGEST_NUMBER[self._input_type]
        return [
            "static inline KEY key_of(INPUT value, KEY missing) {",
            f"    return value != value ? missing : value > {largest} ? {largest} : value;",
            "}",
            "",
            *_filling(self.columns, "-INFINITY", "INFINITY"),
        ]


class IntegerKeys(_Columns):
    """Integers that are ordered as the numbers are; a missing one is the smallest or the greatest of all."""

    def __init__(self, ensemble: Ensemble) -> None:
        super().__init__(ensemble)
        self._input_type = ensemble.input_type
        self._bits = 32 if self._input_type == "float32" else 64
        self.key_type = self.threshold_type = f"int{self._bits}_t"
        self.largest = f"INT{self._bits}_MAX"

    def threshold(self, value: float, *, misses_left: bool) -> str:
        """Return the key of the number, rounded down."""
        rounded = floor_to_float32(value) if self._input_type == "float32" else value
        return integer_literal(key_of(rounded, self._input_type), self._bits)

    def lines(self) -> list[str]:
        """Return C that turns numbers into keys: the bits, those of negative numbers turned around."""
        return [
            "static inline KEY key_of(INPUT value, KEY missing) {",
            "    KEY bits;",
            "    INPUT unsigned_zero = value + 0;",
            "    if (value != value)",
            "        return missing;",
            "    memcpy(&bits, &unsigned_zero, sizeof bits);",
            f"    return bits < 0 ? bits ^ {self.largest} : bits;",
            "}",
            "",
            *_filling(self.columns, f"INT{self._bits}_MIN", self.largest),
        ]


def keys_for(ensemble: Ensemble, thresholds: str, *, compares_sides: bool) -> Keys:
    """Return the keys for `thresholds`: float, double or int.

    Args:
        ensemble: what is printed.
        thresholds: their type in the code; float is double where X is.
        compares_sides: whether the layout sends missing values to their side by the comparison itself.

    """
    if thresholds == "int":
        return IntegerKeys(ensemble)
    number_type = "float32" if thresholds == "float" and ensemble.input_type == "float32" else "float64"
    if compares_sides or all(all(tree.misses_left[node] for node, _, _ in tree.inner()) for tree in ensemble.trees):
        return RowKeys(ensemble.input_type, number_type, ensemble.feature_count)
    return SidedKeys(ensemble, number_type)


def _filling(columns: list[tuple[int, bool]], left: str, right: str) -> list[str]:
    calls = [
        f"    keys[{place}] = key_of(row[{feature}], {left if misses_left else right});"
        for place, (feature, misses_left) in enumerate(columns)
    ]
    return ["static void keys_of(const INPUT *row, KEY *keys) {", *(calls or ["    (void)row, keys[0] = 0;"]), "}", ""]
