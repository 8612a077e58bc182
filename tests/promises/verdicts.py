"""What a test run says of each promise, and its figures. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.promises.table import Promise

PASS, FAIL, NOT_PROVABLE, NO_TEST, NOT_RUN = "pass", "FAIL", "not provable here", "no test", "not run"


@dataclass(slots=True)
class Tally:
    """What the tests of one row did."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    """Names of tests."""
    skipped: list[str] = field(default_factory=list)
    """Reasons."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line at the end of a run."""

    row: int
    state: str
    detail: str


def verdict(promise: Promise, tally: Tally, *, need: str, has_test: bool) -> Verdict:
    """Return how it stands with a promise: a row fails with one of its tests, and passes only if one has run."""
    skipped = "; ".join(dict.fromkeys(tally.skipped))
    if tally.failed:
        return Verdict(promise.row, FAIL, ", ".join(tally.failed))
    if tally.passed:
        parts = [f"{tally.passed} tests", f"unproven: {need}" if need else "", f"skipped: {skipped}" if skipped else ""]
        return Verdict(promise.row, PASS, "; ".join(part for part in parts if part))
    if skipped or (need and not has_test):
        return Verdict(promise.row, NOT_PROVABLE, skipped or need)
    return Verdict(promise.row, NOT_RUN if has_test else NO_TEST, "")


def lines(verdicts: Iterable[Verdict], promises: Mapping[int, Promise]) -> list[str]:
    """Return the table for people."""
    return [
        f"{found.row:>2}  {found.state:<17}  {promises[found.row].fault}"
        + (f"  [{found.detail}]" if found.detail else "")
        for found in verdicts
    ]


def flat(verdicts: Sequence[Verdict], counts: Mapping[str, float]) -> dict[str, float]:
    """Return the figures of a run; a row that was not tried is absent."""
    figures: dict[str, float] = {
        f"row_{found.row:02}": float(found.state == PASS) for found in verdicts if found.state in (PASS, FAIL)
    }
    for name, state in (
        ("rows_pass_count", PASS),
        ("rows_fail_count", FAIL),
        ("rows_not_provable_count", NOT_PROVABLE),
        ("rows_no_test_count", NO_TEST),
    ):
        figures[name] = float(sum(found.state == state for found in verdicts))
    figures |= dict(sorted(counts.items()))
    if counts.get("jobs_count"):
        figures["jobs_exact_ratio"] = counts.get("jobs_exact_count", 0.0) / counts["jobs_count"]
    return figures
