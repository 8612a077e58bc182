"""The figures of one test: single ones with their meaning, and tables of those of classes, columns, groups, points."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import RenderableType

from mltest.coordinator.planning.figure_names import figure_name, metric_name
from mltest.coordinator.report.confusion_table import CONFUSION, confusion_table
from mltest.coordinator.report.figure_text import value_text
from mltest.coordinator.report.fitting_table import FittingTable
from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import Result
from mltest.shared.metrics import RESULT_METRICS

_SHOWN = 40
"""Rows of a table at most; the rest is counted."""
_BAR = 20
"""Marks of a point whose value is 1."""
_REASONS = 5
"""Reasons of figures without a value that are shown."""
_FIGURES = 4
"""Figures that are named with a reason that they share."""
_WIDE = 110
"""Width from which there is room for what a figure means."""
_LABELLED = ("class", "column", "feature", "operator", "group", "cluster", "corruption")
"""Statistics that only say what the label is."""
_PLAIN = (*_LABELLED, "hint", "curve")
_LABELS = {"leakage_score": "column", "worst_recall_change": "class", "column_count": ""}
"""What the label of a single figure is."""
_UPPER = ("f1", "mcc", "roc", "pr", "auc", "mse", "rmse", "mae", "mape", "ks", "psi", "gpu")
_WORDS = {
    **{word: word.upper() for word in _UPPER},
    "p99_9": "p99.9",
    "r2": "R²",
    "ae": "absolute error",
    "p": "p-value",
}
"""Words of metrics that people write otherwise."""
_NEGLIGIBLE = 1e-9
"""Share of its interval below which a value is a rounding error."""


def figures_of_test(
    results: Sequence[Result], classes: Sequence[str], width: int, *, rest: str
) -> Iterator[RenderableType]:
    """Yield what is of all rows, then what is of single classes, columns or groups, then why figures are missing.

    Args:
        results: of one test, of one candidate on one agent.
        classes: of the model, in its order.
        width: of the terminal.
        rest: the command that shows what is left out here.

    """
    known = [result for result in results if result.value is not None]
    confusion = [result for result in known if result.metric == CONFUSION]
    groups = _groups([result for result in known if _label(result) and result.metric != CONFUSION])
    tables = [group for group in groups if len({_label(result) for result in group}) > 1]
    alone = [result for group in groups if group not in tables for result in group]
    if singles := [*(result for result in known if not _label(result)), *alone]:
        yield _single_table(singles, is_wide=width >= _WIDE)
    for group in tables:
        yield from _labelled_table(group, rest, has_meaning=width >= _WIDE)
    if confusion:
        yield confusion_table(confusion, classes)
    yield from (printable(reason, style="dim") for reason in _reasons(results, rest))


def _label(result: Result) -> str:
    """Return what a figure is of: a class, a column, a number of rows; empty if it is of all."""
    rows = f"{result.batch_size:,} row{'' if result.batch_size == 1 else 's'}" if result.batch_size else ""
    return ", ".join(word for word in (result.label, result.boundary, rows) if word)


def _groups(results: Sequence[Result]) -> list[list[Result]]:
    """Return labelled figures by table: those that have mostly the same labels stand in one."""
    groups: list[list[Result]] = []
    columns: dict[str, list[Result]] = {}
    for result in results:
        columns.setdefault(_name(result), []).append(result)
    for column in columns.values():
        fitting = next((group for group in groups if _fit(group, column)), None)
        if fitting is None:
            groups.append(column)
        else:
            fitting.extend(column)
    return groups


def _fit(group: Sequence[Result], column: Sequence[Result]) -> bool:
    if _kind(group[0]) != _kind(column[0]):
        return False
    first, second = set(map(_label, group)), set(map(_label, column))
    is_same_metric = column[0].metric in {one.metric for one in group}
    return is_same_metric or 2 * len(first & second) >= len(first | second)


def _kind(result: Result) -> str:
    return result.statistic if result.statistic in _LABELLED else ""


def _single_table(results: Sequence[Result], *, is_wide: bool) -> RenderableType:
    """Return a line for each figure; what a metric means stands at its first one, where there is room."""
    table = plain_table()
    table.show_header = False
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    if is_wide:
        table.add_column(overflow="fold")
    told: set[str] = set()
    for result in results:
        known = RESULT_METRICS.get(result.metric)
        meaning = known.meaning if known is not None and result.metric not in told else ""
        told.add(result.metric)
        cells = (_single_name(result), _value(result), _interval(result), *((meaning,) if is_wide else ()))
        table.add_row(*(printable(cell, style="dim" if place >= 2 else "") for place, cell in enumerate(cells)))
    return table


def _single_name(result: Result) -> str:
    where = " ".join(word for word in (_LABELS.get(result.metric, _kind(result)), _label(result)) if word)
    return f"{_name(result)} ({where})" if where else _name(result)


def _labelled_table(results: Sequence[Result], rest: str, *, has_meaning: bool) -> Iterator[RenderableType]:
    """Yield a row for each label and a column for each figure; what labels are that do not say so is told before."""
    names = list(dict.fromkeys(map(_name, results)))
    if has_meaning or any(result.statistic == "curve" for result in results):
        for metric in dict.fromkeys(result.metric for result in results if result.metric in RESULT_METRICS):
            yield printable(f"{_spelt(metric_name(metric))}: {RESULT_METRICS[metric].meaning}", style="dim")
    by_label: dict[str, dict[str, Result]] = {}
    for result in results:
        by_label.setdefault(_label(result), {})[_name(result)] = result
    table = FittingTable([_kind(results[0]), *names], left=() if _are_bare(results) else range(1, len(names) + 1))
    for label, found in list(by_label.items())[:_SHOWN]:
        table.add_row(label, *(_cell(found[name], len(names)) if name in found else "-" for name in names))
    yield table
    if (more := len(by_label) - _SHOWN) > 0:
        yield printable(f"and {more} more: {rest} has them all", style="dim")


def _are_bare(results: Sequence[Result]) -> bool:
    return not any(_interval(result) or _bar(result) for result in results)


def _cell(result: Result, column_count: int) -> str:
    return f"{_value(result)} {_interval(result) or (_bar(result) if column_count == 1 else '')}".rstrip()


def _name(result: Result) -> str:
    statistic = "value" if result.statistic in _PLAIN else result.statistic
    return _spelt(figure_name(result.metric, statistic, 0))


def _spelt(name: str) -> str:
    return " ".join(_WORDS.get(word, word) for word in name.split())


def _value(result: Result) -> str:
    if result.value and result.low is not None and result.high is not None:
        is_negligible = abs(result.value) < _NEGLIGIBLE * (result.high - result.low)
        result = replace(result, value=0.0) if is_negligible else result
    return value_text(result)


def _interval(result: Result) -> str:
    if result.low is None or result.high is None:
        return ""
    return f"[{value_text(replace(result, value=result.low))}, {value_text(replace(result, value=result.high))}]"


def _bar(result: Result) -> str:
    """Return a point of a curve as a bar, where the whole is 1."""
    is_share = RESULT_METRICS[result.metric].unit == "1" if result.metric in RESULT_METRICS else False
    if result.statistic != "curve" or not is_share or result.value is None or not 0 <= result.value <= 1:
        return ""
    return "▪" * round(result.value * _BAR)


def _reasons(results: Sequence[Result], rest: str) -> Iterator[str]:
    """Yield why figures have no value, each reason once with the figures that it is about."""
    figures: dict[str, dict[str, list[str]]] = {}
    for result in results:
        if result.reason:
            figures.setdefault(result.reason, {}).setdefault(_name(result), []).append(_label(result))
    for reason, names in list(figures.items())[:_REASONS]:
        texts = [f"{name} of {_listed(labels)}" if any(labels) else name for name, labels in names.items()]
        yield f"{_listed(texts)}: {reason}"
    if len(figures) > _REASONS:
        yield f"and {len(figures) - _REASONS} more reasons: {rest} has them all"


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _FIGURES
    return ", ".join(texts[:_FIGURES]) + (f" and {more} more" if more > 0 else "")
