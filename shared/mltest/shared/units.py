"""Quantities for people: the one place where SI values become text, and text becomes SI values."""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

_TIME = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
_SMALL = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
_COUNT = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))

_UNITS = {
    **{name: ("s", factor) for factor, name in _TIME},
    "us": ("s", 1e-6),
    "m": ("s", 60.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    **{name: ("bytes", factor) for factor, name in _BYTES},
    **{name: ("bytes", 1024.0**power) for power, name in ((1, "KiB"), (2, "MiB"), (3, "GiB"))},
    "%": ("1", 0.01),
    **{f"{prefix}{unit}": (unit, factor) for unit in ("J", "W") for factor, prefix in _SMALL},
    **{f"{prefix}{unit}": (unit, factor) for unit in ("J", "W") for factor, prefix in ((1e3, "k"), (1e-6, "u"))},
}
"""What a suffix measures, and its size in the SI unit."""
_QUANTITY = re.compile(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([^\d\s.]*)")


def seconds_text(seconds: float) -> str:
    """Return a time with three significant digits: 104 µs."""
    return _scaled(seconds, _TIME)


def bytes_text(size_bytes: float) -> str:
    """Return a size with three significant digits, in powers of 1000: 1.42 MB."""
    return _scaled(size_bytes, _BYTES)


def rate_text(rows_per_s: float) -> str:
    """Return a rate with three significant digits: 41.5 k/s."""
    return _scaled(rows_per_s, _COUNT).strip() + "/s"


def ratio_text(ratio: float) -> str:
    """Return a share or a score with four digits behind the point, and not 1.0000 for what is less than 1.

    What differs from 1 by rounding errors only is 1.0000.
    """
    rounded = f"{ratio:.4f}"
    if float(rounded) != 1 or float(f"{ratio:.8f}") == 1:
        return rounded
    return f"{ratio:.8f}".rstrip("0")


def factor_text(factor: float) -> str:
    """Return how many times, with three significant digits: 3.42x."""
    return f"{_digits(factor)}x"


def measured_text(value: float, half_width: float, unit: str) -> str:
    """Return joules or watts with their error bar, which decides the digits: 0.412 ± 0.019 J, 7.10 ± 0.25 mJ.

    A `half_width` of 0 is left away, and `value` gets three significant digits.
    """
    if half_width <= 0:
        return _scaled(value, tuple((factor, f"{name}{unit}") for factor, name in _SMALL))
    largest = max(abs(value), half_width)
    factor, name = next(((one, name) for one, name in _SMALL if largest >= one * 0.09995), _SMALL[-1])
    scaled = half_width / factor
    behind = max(0, 1 - math.floor(math.log10(float(f"{scaled:.1e}"))))
    return f"{value / factor:.{behind}f} ± {scaled:.{behind}f} {name}{unit}"


def quantity_text(value: float, unit: str) -> str:
    """Return `value` in `unit` of the metric table, for people."""
    match unit:
        case "s":
            return seconds_text(value)
        case "ns":
            return seconds_text(value / 1e9)
        case "bytes":
            return bytes_text(value)
        case "J" | "W":
            return measured_text(value, 0.0, unit)
        case "rows/s":
            return rate_text(value)
        case "count" if float(value).is_integer():
            return f"{value:,.0f}"
        case _:
            return f"{value:.4g}"


def duration_text(seconds: float) -> str:
    """Return a span for people who wait: 4 s, 2 min 5 s, 3 h 20 min."""
    whole_s = max(0, round(seconds))
    if whole_s < 60:
        return f"{whole_s} s"
    if whole_s < 3600:
        return f"{whole_s // 60} min {whole_s % 60} s"
    return f"{whole_s // 3600} h {whole_s % 3600 // 60} min"


def date_text(unix_ns: int) -> str:
    """Return a moment in UTC, to the second: 2026-11-23 07:05:12Z."""
    return datetime.fromtimestamp(unix_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def parse_quantity(text: str, unit: str) -> float:
    """Return `text` (0.002, 2ms, 10MB, 95%) in `unit` of the metric table.

    Raises:
        ValueError: it is not a number, or its unit measures something else.

    """
    match = _QUANTITY.fullmatch(text.strip())
    try:
        number, suffix = Decimal(match[1]), match[2]  # type: ignore[index]  # no match is a TypeError
    except (TypeError, InvalidOperation) as error:
        raise ValueError(f"{text!r} is not a number") from error
    measured, factor = _UNITS.get(suffix, (unit if not suffix else "", 1.0))
    if measured != unit:
        valid = [name for name, (measures, _) in _UNITS.items() if measures == unit]
        raise ValueError(f"{suffix!r} is not a unit of it; valid are {', '.join(valid) or 'none'}")
    return float(number * Decimal(repr(factor)))


def _scaled(value: float, scale: tuple[tuple[float, str], ...]) -> str:
    for factor, name in scale:
        if abs(value) >= factor * 0.9995:
            return f"{_digits(value / factor)} {name}"
    factor, name = scale[-1]
    return f"{_digits(value / factor)} {name}"


def _digits(value: float) -> str:
    """Return three significant digits, without an exponent, and no digits behind the point of a large number."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    behind = max(0, 2 - math.floor(math.log10(abs(float(f"{value:.2e}")))))
    return f"{value:.{min(behind, 6)}f}"
