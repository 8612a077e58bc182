"""Numbers as C writes them, without loss. Pure."""

import math
from collections.abc import Iterable, Iterator

_LINE_CHARS = 110


C_TYPES = {"float32": "float", "float64": "double", "int32": "int32_t"}


def number_literal(value: float, number_type: str) -> str:
    """Return `value`, which is one of `number_type` (a key of C_TYPES); a fraction in hexadecimal."""
    if number_type == "int32":
        return str(int(value))
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    if math.isnan(value):
        return "NAN"
    return f"{_short(value)}{'f' if number_type == 'float32' else ''}"


def integer_literal(value: int, key_bits: int) -> str:
    """Return a signed integer of `key_bits`; the smallest one has no literal of its own."""
    suffix = "" if key_bits <= 32 else "LL"
    return f"{value}{suffix}" if value > -(1 << (key_bits - 1)) else f"({value + 1}{suffix} - 1)"


def unsigned_type(largest: int) -> str:
    """Return the smallest unsigned type that holds `largest`."""
    return next(name for name, bits in (("uint8_t", 8), ("uint16_t", 16), ("uint32_t", 32)) if largest < 1 << bits)


def table_lines(entries: Iterable[str]) -> Iterator[str]:
    """Yield the entries of an initialiser, as many a line as fit."""
    line = ""
    for entry in entries:
        if line and len(line) + len(entry) > _LINE_CHARS:
            yield line
            line = ""
        line += f"{entry},"
    if line:
        yield line


def _short(value: float) -> str:
    """Return `float.hex` without the zeros behind."""
    mantissa, exponent = value.hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"
