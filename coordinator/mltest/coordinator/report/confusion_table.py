"""The confusion matrix of a classifier."""

from collections.abc import Sequence

from mltest.coordinator.report.fitting_table import FittingTable
from mltest.coordinator.report.plain import printable
from mltest.shared.domain import Result

CONFUSION = "confusion_count"
"""The metric, labelled true>predicted."""


def confusion_table(results: Sequence[Result], classes: Sequence[str]) -> FittingTable:
    """Return the counts of `results`, true classes in rows and predicted ones in columns; what is absent is 0."""
    counts = {result.label: result.value or 0.0 for result in results}
    table = FittingTable([printable("true, predicted", style="dim"), *map(printable, classes)])
    for true in classes:
        cells = (f"{counts.get(f'{true}>{predicted}', 0):g}" for predicted in classes)
        table.add_row(printable(true, style="bold"), *cells)
    return table
