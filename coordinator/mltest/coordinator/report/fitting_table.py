"""A table that is told in several, one below the other, where a terminal is too narrow for all of its columns."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from mltest.coordinator.report.plain import plain_table, printable

_LEAST = 18
"""Narrowest width of a name before columns go to a table of their own; longer names are folded."""
_MOST = 30
"""Widest width of a name where columns do so."""
_GAP = 1
"""Between columns."""


class FittingTable:
    """Numbers by name: the first columns are repeated in every table; a number is never broken, a name may be."""

    def __init__(self, titles: Sequence[str | Text], *, key_count: int = 1, left: Sequence[int] = ()) -> None:
        """Take the titles; the first `key_count` say whose numbers they are, the last of those is a name for people.

        `left` are the places of columns that are words.
        """
        self._titles = [title if isinstance(title, Text) else printable(title) for title in titles]
        self._key_count = key_count
        self._left = {key_count - 1, *left}
        self._rows: list[tuple[Sequence[Text], str]] = []

    def add_row(self, *cells: str | Text, style: str = "") -> None:
        """Add a row with a cell for each title."""
        self._rows.append(([cell if isinstance(cell, Text) else printable(cell) for cell in cells], style))

    @property
    def row_count(self) -> int:
        """Rows that were added."""
        return len(self._rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield as few tables as the width allows."""
        for number, places in enumerate(self._blocks(options.max_width)):
            if number:
                yield ""
            yield self._table(places)

    def _blocks(self, width: int) -> Iterator[list[int]]:
        """Yield the places of the columns of each table, without the first ones."""
        others = range(self._key_count, len(self._titles))
        if self._keys_width(_LEAST) + sum(self._width(place) for place in others) <= width:
            yield list(others)
            return
        keys_width, block = self._keys_width(_MOST), list[int]()
        for place in others:
            if block and keys_width + sum(self._width(one) for one in (*block, place)) > width:
                yield block
                block = []
            block.append(place)
        yield block

    def _keys_width(self, bound: int) -> int:
        *others, name = range(self._key_count)
        return sum(self._width(place) for place in others) + min(self._width(name), bound)

    def _width(self, place: int) -> int:
        cells = (self._titles[place], *(cells[place] for cells, _ in self._rows))
        return _GAP + max(cell_len(line) for cell in cells for line in cell.plain.split("\n"))

    def _table(self, places: Sequence[int]) -> Table:
        shown = [*range(self._key_count), *places]
        table = plain_table()
        for place in shown:
            is_name = place == self._key_count - 1
            table.add_column(
                self._titles[place],
                justify="left" if place in self._left else "right",
                overflow="fold",
                no_wrap=not is_name,
            )
        for cells, style in self._rows:
            table.add_row(*(cells[place] for place in shown), style=style)
        return table
