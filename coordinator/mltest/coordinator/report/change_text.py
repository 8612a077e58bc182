"""Changes as text: the marks that users of asv know, ratios, and figures without their candidates."""

from mltest.coordinator.report.figure_text import ABSENT, value_text
from mltest.shared.domain import Change, Result
from mltest.shared.units import factor_text

MARKS = {
    Change.WORSE: "+",
    Change.BETTER: "-",
    Change.INCOMPARABLE: "x",
    Change.BROKEN: "!",
    Change.REPAIRED: "*",
    Change.UNDECIDED: "~",
    Change.SAME: " ",
}
STYLES = {
    Change.WORSE: "red",
    Change.BETTER: "green",
    Change.INCOMPARABLE: "bright_black",
    Change.BROKEN: "bold red",
    Change.REPAIRED: "bold green",
}
LEGEND = (
    "+ slower or worse   - faster or better   ~ cannot be told apart   (blank) the same\n"
    "! fails or is ruled out now   * failed or was ruled out before   x cannot be compared"
)


def mark_of(change: Change) -> str:
    """Return the mark of a change; a question mark for one that this version does not know."""
    return MARKS.get(change, "?")


def metric_text(metric: str, value: float | None) -> str:
    """Return a value of `metric` for people."""
    if value is None:
        return ABSENT
    return value_text(Result(candidate_id="", test="", metric=metric, value=value))


def ratio_text(ratio: float | None, low: float | None, high: float | None) -> str:
    """Return a ratio with its 95 % interval: 1.11x (1.07 to 1.14)."""
    if ratio is None:
        return ABSENT
    if low is None or high is None:
        return factor_text(ratio)
    return f"{factor_text(ratio)} ({factor_text(low)[:-1]} to {factor_text(high)[:-1]})"
