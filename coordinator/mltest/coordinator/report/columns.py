"""The columns of the final table, from the figures that its rows have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mltest.coordinator.report.figure_text import agent_text, figure_of, figure_text, rank_text, speedup_text
from mltest.shared.domain import Result, StandingRow

_QUALITY_TITLES = {
    "accuracy": "accuracy",
    "r2": "R²",
    "silhouette": "silhouette",
    "perplexity": "perplexity",
    "weighted_rank": "click rank",
}
"""Titles of the task's first quality figure, in the order of `MAIN_QUALITIES`."""

FEWER_ROWS = "\u2020"
"""Marks a quality that is of fewer rows than that of others in its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its title, and what it says of a row."""

    title: str
    text_of: Callable[[StandingRow], str]
    is_left: bool = False
    """Whether it is text rather than a number."""
    is_machine_bound: bool = False
    """Whether it is an absolute time or rate, which a noisy machine falsifies; ratios hold on every machine."""


def columns_of(rows: Sequence[StandingRow]) -> tuple[tuple[Column, ...], ...]:
    """Return the columns in pairs that may share one on a narrow terminal; the first one stands alone."""
    return (
        (Column(title="#", text_of=lambda row: rank_text(row, rows)),),
        (
            Column(title="candidate", text_of=_name, is_left=True),
            Column(title="agent (machine)", text_of=agent_text, is_left=True),
        ),
        (
            _figure(rows, "latency_s", "median", "latency", has_interval=True, is_machine_bound=True),
            _figure(rows, "latency_s", "p99", "p99", is_machine_bound=True),
        ),
        (
            Column(title="speed-up", text_of=speedup_text),
            _figure(rows, "throughput_rows_per_s", "mean", "rows", is_machine_bound=True),
        ),
        (
            _first_of(rows, _QUALITY_TITLES),
            _first_of(rows, {"label_agreement": "agreement", "max_abs_difference": "max diff"}),
        ),
        (
            _figure(rows, "artifact_bytes", "value", "size"),
            _figure(rows, "memory_peak_bytes", "median", "memory"),
        ),
        *_energy_columns(rows),
    )


def _energy_columns(rows: Sequence[StandingRow]) -> tuple[tuple[Column, ...], ...]:
    """Return a column for joules where any were measured, which most machines cannot."""
    metered = [one for row in rows if (one := figure_of(row, "gross_energy_j")) is not None and one.boundary]
    return ((_figure(rows, "gross_energy_j", "mean", "energy"),),) if metered else ()


def _name(row: StandingRow) -> str:
    mark = " *" if row.is_baseline else " (lossy)" if row.is_lossy else ""
    return row.label + mark


def _figure(
    rows: Sequence[StandingRow],
    metric: str,
    statistic: str,
    title: str,
    *,
    has_interval: bool = False,
    is_machine_bound: bool = False,
) -> Column:
    def find(row: StandingRow) -> Result | None:
        return figure_of(row, metric, statistic=statistic)

    batch_size = next((found.batch_size for row in rows if (found := find(row))), 0)
    return Column(
        title=f"{title} b{batch_size}" if batch_size else title,
        text_of=lambda row: figure_text(find(row), has_interval=has_interval),
        is_machine_bound=is_machine_bound,
    )


def _first_of(rows: Sequence[StandingRow], titles: dict[str, str]) -> Column:
    figures = [figure for row in rows if (figure := figure_of(row, *titles))]
    most = max((figure.count for figure in figures), default=0)

    def text_of(row: StandingRow) -> str:
        figure = figure_of(row, *titles)
        is_of_fewer = figure is not None and figure.value is not None and 0 < figure.count < most
        return figure_text(figure) + (FEWER_ROWS if is_of_fewer else "")

    title = titles[figures[0].metric] if figures else next(iter(titles.values()))
    return Column(title=title, text_of=text_of)
