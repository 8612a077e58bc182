"""Figures of a row as text."""

from collections.abc import Sequence

from mltest.shared.domain import FindingLevel, MachineClass, Result, StandingRow
from mltest.shared.metrics import RESULT_METRICS
from mltest.shared.units import factor_text, measured_text, quantity_text, ratio_text

ABSENT = "-"
"""Stands where there is no figure; its reason stands below the table."""

REFUSED, UNRELIABLE = "!", "?"
"""Stand behind a figure that the state of its machine takes out of the ranking, or makes unreliable."""

_MARKS = {FindingLevel.REFUSE: REFUSED, FindingLevel.UNRELIABLE: UNRELIABLE}
_LARGEST_PERCENT = 99
"""Wider intervals are told by factors: so many times less, so many times more."""
_PLAIN_NUMBERS = (
    "log_loss",
    "brier",
    "quality_change_p",
    "max_abs_difference",
    "largest_value",
    "perplexity",
    "worst_row_difference",
)
"""Without unit, like ratios, but not between 0 and 1."""


def figure_of(row: StandingRow, *metrics: str, statistic: str = "") -> Result | None:
    """Return the first figure of `row` that is one of `metrics`, with that statistic if one is named."""
    for figure in row.figures:
        if figure.metric in metrics and statistic in ("", figure.statistic):
            return figure
    return None


def figure_text(figure: Result | None, *, has_interval: bool = False) -> str:
    """Return a figure's value for people, with half the width of its interval if wanted."""
    if figure is not None and figure.boundary:
        return metered_text(figure)
    if figure is None or figure.value is None:
        return ABSENT
    text = value_text(figure) + _MARKS.get(figure.doubt_level, "")
    return text + _spread(figure.value, figure.low, figure.high) if has_interval else text


def metered_text(figure: Result) -> str:
    """Return joules or watts with their error bar; what they are at most where they are below resolution."""
    unit = RESULT_METRICS[figure.metric].unit if figure.metric in RESULT_METRICS else ""
    mark = _MARKS.get(figure.doubt_level, "")
    if figure.value is None:
        return ABSENT if figure.high is None else f"< {measured_text(figure.high, 0.0, unit)}{mark}"
    half_width = 0.0 if figure.high is None else figure.high - figure.value
    return measured_text(figure.value, half_width, unit) + mark


def value_text(figure: Result) -> str:
    """Return the value of `figure`, which has one."""
    assert figure.value is not None
    unit = RESULT_METRICS[figure.metric].unit if figure.metric in RESULT_METRICS else ""
    if unit == "1" and figure.metric not in _PLAIN_NUMBERS:
        return ratio_text(figure.value)
    return quantity_text(figure.value, unit)


def speedup_text(row: StandingRow) -> str:
    """Return how many times faster than the native baseline, which itself is marked."""
    if row.speedup is None:
        return ABSENT
    if row.is_baseline and row.speedup_low is None and row.speedup == 1:
        return "native"
    return factor_text(row.speedup) + _spread(row.speedup, row.speedup_low, row.speedup_high)


def agent_text(row: StandingRow) -> str:
    """Return the agent's name with the class of its machine, which says what its absolute numbers are worth."""
    if row.machine_class is MachineClass.UNSPECIFIED and not row.round_count:
        return row.agent_name
    return f"{row.agent_name} ({class_text(row.machine_class)})"


def class_text(machine_class: MachineClass) -> str:
    """Return the name of a class for people: it is unknown where the machine hides what others do on it."""
    return "unknown" if machine_class is MachineClass.UNSPECIFIED else machine_class.value


def rank_text(row: StandingRow, rows: Sequence[StandingRow]) -> str:
    """Return the rank, with = where others share it."""
    shares = sum(other.rank == row.rank for other in rows) > 1
    return f"{row.rank}{'=' if shares else ''}"


def _spread(value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None or not value or low <= 0:
        return ""
    percent = 100 * max(high / value - 1, 1 - low / value)
    if percent > _LARGEST_PERCENT:
        return f" (/{value / low:.1f}, x{high / value:.1f})"
    return f" ±{percent:.1f}%" if percent < 1 else f" ±{percent:.0f}%"
