"""Sources of other tools behind the C interface: what stands before and after the code that they generated. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from mltest.coordinator.builder.c_source.frame import ABI_VERSION, constants
from mltest.coordinator.builder.c_source.literals import C_TYPES

MAX_FEATURES = 1 << 16
"""Of a row that a function copies to its stack."""

_HEADERS = ("float", "math", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSource:
    """Code of another tool, and how one row is asked of it."""

    about: str
    """Tool, version and parameters, for people."""
    code: str
    """As it was generated, in one piece; it may use INPUT, FEATURES and OUTPUTS."""
    row_lines: Sequence[str]
    """C that reads `row` (FEATURES values of type INPUT) and writes `out` (OUTPUTS values of type double)."""
    feature_count: int
    output_count: int
    input_type: str
    """In which the model's own library compares: float32 or float64."""


def foreign_source(source: ForeignSource) -> str:
    """Return the whole file.

    Names of the generated code are hidden, so that its functions may call each other directly, as within a program of
    its own; headers come first, because what they declare must not be hidden.
    """
    lines = [
        f"/* {source.about}; interface: mltest_predict, version {ABI_VERSION}. */",
        "",
        *(f"#include <{name}.h>" for name in _HEADERS),
        "",
        f"typedef {C_TYPES[source.input_type]} INPUT;",
        "",
        "enum {",
        f"    FEATURES = {source.feature_count},",
        f"    OUTPUTS = {source.output_count}",
        "};",
        "",
        "#pragma GCC visibility push(hidden)",
        source.code,
        "#pragma GCC visibility pop",
        "",
        "static inline void predict_row(const INPUT *row, double *out) {",
        *(f"    {line}" for line in source.row_lines),
        "}",
        "",
        "void mltest_predict(const INPUT *rows, size_t row_count, double *out);",
        "",
        "void mltest_predict(const INPUT *rows, size_t row_count, double *out) {",
        "    for (size_t row = 0; row < row_count; row++)",
        "        predict_row(rows + row * FEATURES, out + row * OUTPUTS);",
        "}",
        "",
        *constants(source.feature_count, source.output_count, source.input_type),
        "",
    ]
    return "\n".join(lines)
