"""What is said of energy counters, as values and as lines. Pure.

A request is one line: `domains`, or `read NAME`. Its answer is one line of JSON. Something that cannot be read has
`absent` with the reason instead of its number.
"""

import json
import re
from dataclasses import asdict, dataclass

MAX_LINE_BYTES = 256
"""Of a request."""
MAX_ANSWER_BYTES = 64 * 1024
MAX_DOMAINS = 256

_NAME = re.compile(r"intel-rapl(?:-mmio)?(?::[0-9]{1,3}){1,3}", re.ASCII)
"""Zones of the powercap class; AMD processors have the same names. Source: Linux, Documentation/power/powercap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerDomain:
    """A part of the machine whose energy is counted."""

    name: str
    """As the kernel calls the zone, for example intel-rapl:0."""
    label: str = ""
    """What it is, for example package-0; "" if that cannot be read."""
    max_energy_uj: int | None = None
    """The counter starts at 0 again behind it; None if that cannot be read, see `absent`."""
    absent: str = ""
    """Why there is no `max_energy_uj`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerReading:
    """One look at a counter."""

    name: str
    energy_uj: int | None = None
    """Since some moment; None if it cannot be read, see `absent`."""
    begin_monotonic_ns: int = 0
    """CLOCK_MONOTONIC just before the counter was read."""
    end_monotonic_ns: int = 0
    """Just after."""
    absent: str = ""
    """Why there is no `energy_uj`."""


def is_domain_name(name: str) -> bool:
    """Return whether the kernel may call a zone so; nothing else is ever part of a path."""
    return _NAME.fullmatch(name) is not None


def domains_to_line(domains: tuple[PowerDomain, ...]) -> bytes:
    """Return the answer to `domains`."""
    return _line({"domains": [asdict(domain) for domain in domains[:MAX_DOMAINS]]})


def domains_from_line(line: bytes) -> tuple[PowerDomain, ...]:
    """Return what `domains_to_line` was given.

    Raises:
        ValueError: it is no such answer.

    """
    try:
        return tuple(PowerDomain(**domain) for domain in json.loads(line)["domains"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a list of domains: {line[:200]!r}") from error


def reading_to_line(reading: PowerReading) -> bytes:
    """Return the answer to `read`."""
    return _line(asdict(reading))


def reading_from_line(line: bytes) -> PowerReading:
    """Return what `reading_to_line` was given; errors as above."""
    try:
        return PowerReading(**json.loads(line))
    except TypeError as error:
        raise ValueError(f"not a reading: {line[:200]!r}") from error


def _line(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
