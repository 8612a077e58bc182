"""Text and tables for a terminal, from words that may come from anywhere."""

from rich.table import Table
from rich.text import Text


def printable(text: str, *, style: str = "", lead: str = "") -> Text:
    """Return `text` without what a terminal would obey: control characters become spaces, markup is plain text."""
    return Text(lead + "".join(letter if letter.isprintable() else " " for letter in text), style=style)


def sentence(text: str) -> str:
    """Return `text` with one full stop behind it, whether it came with one or not."""
    return f"{text.rstrip().removesuffix('.')}."


def plain_table() -> Table:
    """Return a table without lines, whose columns are one space apart."""
    return Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
