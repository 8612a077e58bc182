"""Exponential, hyperbolic tangent and logistic function in C, of the four basic operations only.

So a compiler can make several at once, and every processor gives the same bits; that of a C library does neither.
Their error is a few units of the last place: below 7e-16 (float64) and 3e-7 (float32) of the result, tanh of 1. Pure.

Source of the splitting of ln 2: e_exp.c and e_expf.c of FreeBSD's msun.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import factorial

from mltest.coordinator.builder.c_source.literals import number_literal
from mltest.coordinator.builder.c_source.thresholds import floor_to_float32

EXP, TANH, LOGISTIC = "exp", "tanh", "logistic"


@dataclass(frozen=True, slots=True)
class _Real:
    name: str
    suffix: str
    bits: str
    lowest: str
    highest: str
    log2_e: str
    rounder: str
    """One and a half times the number from which on there are no fractions: adding it rounds."""
    ln2_high: str
    ln2_low: str
    exponent_bias: int
    mantissa_bits: int
    degree: int


_REALS = {
    "float64": _Real(
        *("double", "", "uint64_t", "-708.0", "709.0", "0x1.71547652b82fep0", "0x1.8p52"),
        *("0x1.62e42feep-1", "0x1.a39ef35793c76p-33", 1023, 52, 12),
    ),
    "float32": _Real(
        *("float", "f", "uint32_t", "-87.0f", "88.0f", "0x1.715476p0f", "0x1.8p23f"),
        *("0x1.62e4p-1f", "0x1.7f7d1cp-20f", 127, 23, 7),
    ),
}


def function_lines(wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Return C that defines `NAME_TYPE`, as exp_double, for each (function, number type), each once."""
    asked = set(wanted)
    needed = asked | {(EXP, number_type) for _, number_type in asked}
    order = [(name, number_type) for number_type in _REALS for name in (EXP, TANH, LOGISTIC)]
    made = {EXP: _exponential, TANH: _tangent, LOGISTIC: _logistic}
    return [line for name, number_type in order if (name, number_type) in needed for line in made[name](number_type)]


def _exponential(number_type: str) -> list[str]:
    real = _REALS[number_type]
    terms = [_coefficient(degree, number_type) for degree in range(real.degree, -1, -1)]
    return [
        "/* exp, between the ends of what is no subnormal number: 2 to a whole number, times a short series. */",
        f"static inline {real.name} exp_{real.name}({real.name} x) {{",
        f"    x = x < {real.lowest} ? {real.lowest} : x;",
        f"    x = x > {real.highest} ? {real.highest} : x;",
        f"    {real.name} shifted = x * {real.log2_e} + {real.rounder};",
        f"    {real.name} whole = shifted - {real.rounder};",
        f"    {real.name} rest = (x - whole * {real.ln2_high}) - whole * {real.ln2_low};",
        f"    {real.name} power = {terms[0]};",
        *(f"    power = power * rest + {term};" for term in terms[1:]),
        f"    {real.bits} bits;",
        "    memcpy(&bits, &shifted, sizeof bits);",
        f"    bits = (bits + {real.exponent_bias}u) << {real.mantissa_bits};",
        f"    {real.name} scale;",
        "    memcpy(&scale, &bits, sizeof scale);",
        "    return power * scale;",
        "}",
        "",
    ]


def _coefficient(degree: int, number_type: str) -> str:
    value = 1 / factorial(degree)
    return number_literal(floor_to_float32(value) if number_type == "float32" else value, number_type)


def _tangent(number_type: str) -> list[str]:
    real = _REALS[number_type]
    return [
        f"static inline {real.name} tanh_{real.name}({real.name} x) {{",
        f"    {real.name} shrunk = exp_{real.name}(-2 * fabs{real.suffix}(x));",
        f"    {real.name} size = (1 - shrunk) / (1 + shrunk);",
        "    return x < 0 ? -size : size;",
        "}",
        "",
    ]


def _logistic(number_type: str) -> list[str]:
    real = _REALS[number_type]
    return [
        f"static inline {real.name} logistic_{real.name}({real.name} x) {{",
        f"    {real.name} shrunk = exp_{real.name}(-fabs{real.suffix}(x));",
        f"    {real.name} upper = 1 / (1 + shrunk);",
        "    return x < 0 ? shrunk * upper : upper;",
        "}",
        "",
    ]
