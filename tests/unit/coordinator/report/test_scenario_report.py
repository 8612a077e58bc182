"""What `show` tells of requests by a schedule and of everything in one call."""

from io import StringIO

from rich.console import Console

from mltest.coordinator.report.figure_tables import figure_tables
from mltest.shared.domain import Result


def result(metric: str, statistic: str, value: float | None, *, label: str = "", reason: str = "") -> Result:
    return Result(
        candidate_id="c",
        test="t",
        metric=metric,
        statistic=statistic,
        batch_size=10_000 if metric == "offline_rows_per_s" else 1,
        label=label,
        value=value,
        count=700,
        reason=reason,
    )


def text_of(*results: Result) -> str:
    console = Console(file=StringIO(), width=120)
    for part in figure_tables(results, ()):
        console.print(part)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def latencies(label: str, *values: float | None, reason: str = "") -> list[Result]:
    return [
        result("open_loop_latency_s", statistic, value, label=label, reason=reason if value is None else "")
        for statistic, value in zip(("median", "p90", "p99", "p99_9"), values, strict=True)
    ]


def test_every_statistic_of_a_rate_stands_in_its_row() -> None:
    lateness = result("open_loop_lateness_s", "p99", 2e-6, label="80/s")
    lines = text_of(*latencies("80/s", 0.002, 0.03, 0.1, 0.12), lateness).splitlines()

    assert lines[0].split() == ["open", "loop", "median", "p90", "p99", "p99.9", "late", "p99", "requests"]
    assert lines[1].split() == ["80/s", "2.00", "ms", "30.0", "ms", "100", "ms", "120", "ms", "2.00", "µs", "700"]


def test_a_reason_that_all_latencies_of_a_rate_share_is_told_once() -> None:
    text = text_of(*latencies("80/s", None, None, None, None, reason="overloaded"))
    assert text.count("overloaded") == 1
    assert "- 80/s: overloaded" in text


def test_a_reason_of_one_percentile_names_it() -> None:
    text = text_of(*latencies("80/s", 0.1, 0.1, 0.1, None, reason="needs 9 more requests"))
    assert "- 80/s p99.9: needs 9 more requests" in text


def test_offline_rate_and_capacity_are_told_and_make_no_row_of_calls() -> None:
    text = text_of(result("offline_rows_per_s", "mean", 63_300.0), result("open_loop_capacity_per_s", "value", 100.0))
    assert text.splitlines() == [
        "offline, 10,000 rows in one call: 63.3 k/s",
        "highest rate that keeps the latency asked for: 100 requests/s",
    ]


def test_a_capacity_that_could_not_be_had_says_why() -> None:
    text = text_of(result("open_loop_capacity_per_s", "value", None, reason="no rate keeps a p99 of 5 ms"))
    assert text.strip() == "highest rate that keeps the latency asked for: no rate keeps a p99 of 5 ms"
