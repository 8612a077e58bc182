"""What a selftest found, beside the bar that it has to reach: a table for people, and the same as data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959963984540054
"""97.5 % point of the normal distribution."""

_FEWEST = 30
"""A share of fewer is not held against its bar while its interval reaches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """From where to where a figure is good; both ends are."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Return whether `value` reaches it."""
        return self.low <= value <= self.high

    @property
    def text(self) -> str:
        """The bar for people."""
        if self.low == -math.inf:
            return "any" if self.high == math.inf else f"<= {self.high:g}"
        return f">= {self.low:g}" if self.high == math.inf else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One figure."""

    name: str
    """Its unit ends the name."""
    value: float | None
    """None if it could not be measured; `meaning` says why, and what mends it."""
    meaning: str
    bar: Bar | None = None
    """None for a figure that is only told."""
    low: float | None = None
    """Of the 95 % interval of `value`; None where there is none."""
    high: float | None = None
    count: int | None = None
    """How often what is counted was seen; None where nothing is counted."""
    of_count: int | None = None
    """Out of how many; or how many values the figure is made of."""
    may_contain_zero: bool = False
    """Whether an interval that contains 0 is good as well."""

    @property
    def is_met(self) -> bool:
        """Whether the bar is reached; a figure without a bar is never missed, one without a value always is."""
        if self.bar is None:
            return True
        if self.value is None:
            return False
        contains_zero = self.low is not None and self.high is not None and self.low <= 0 <= self.high
        return self.bar.holds(self.value) or (self.may_contain_zero and contains_zero)

    @property
    def is_too_few(self) -> bool:
        """Whether a share misses its bar, but was counted so seldom that this says nothing."""
        if self.bar is None or self.is_met or self.low is None or self.high is None or self.count is None:
            return False
        return (self.of_count or 0) < _FEWEST and self.low <= self.bar.high and self.high >= self.bar.low

    @property
    def verdict(self) -> str:
        """Meets, misses, or why neither; nothing where there is no bar."""
        if self.bar is None:
            return ""
        if self.value is None:
            return "not measured"
        if self.is_too_few:
            return "too few to tell"
        return "meets" if self.is_met else "misses"


def share(name: str, count: int, of_count: int, meaning: str, bar: Bar | None = None) -> Finding:
    """Return the share `count` / `of_count` with its 95 % interval; without a value if there was nothing to count."""
    if not of_count:
        return Finding(name=name, value=None, meaning=f"{meaning}: nothing to count", bar=bar, count=0, of_count=0)
    low, high = wilson_interval(count, of_count)
    return Finding(
        name=name,
        value=count / of_count,
        meaning=meaning,
        bar=bar,
        low=low,
        high=high,
        count=count,
        of_count=of_count,
    )


def wilson_interval(success_count: int, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share; `count` is at least 1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    found = success_count / count
    centre = (found + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(found * (1 - found) / count + _Z**2 / (4 * count**2))
    # The ends are exact where all or none succeeded; rounding would move them a little.
    low = 0.0 if success_count == 0 else max(0.0, centre - half)
    return low, 1.0 if success_count == count else min(1.0, centre + half)


def table(title: str, findings: Sequence[Finding]) -> str:
    """Return `findings` as lines of text: name, figure, interval, counts, bar, verdict, meaning."""
    rows = [("figure", "value", "95 % interval", "count", "bar", "", "meaning"), *map(_cells, findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:6], widths, strict=True)), row[6]]).rstrip()
        for row in rows
    ]
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _cells(finding: Finding) -> tuple[str, ...]:
    interval = "" if finding.low is None or finding.high is None else f"{finding.low:.3g} to {finding.high:.3g}"
    counts = "" if finding.of_count is None else str(finding.of_count)
    return (
        finding.name,
        "-" if finding.value is None else f"{finding.value:.4g}",
        interval,
        counts if finding.count is None else f"{finding.count}/{counts}",
        finding.bar.text if finding.bar else "",
        finding.verdict,
        finding.meaning,
    )
