"""Reads the table of promises, and keeps its last column: the files whose tests prove a row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "promises.md"
NO_TEST = "nothing yet"

_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|\s*([^|]*?)\s*\|$")
_NEED = re.compile(r"^\| (\d+) \| ([^|]+) \|$")


@dataclass(frozen=True, slots=True)
class Promise:
    """One row of the table."""

    row: int
    fault: str
    promise: str
    proof: str
    """The column that `rewritten` makes."""


def promises(text: str) -> dict[int, Promise]:
    """Return the rows of the page by number."""
    found = (_ROW.match(line) for line in text.splitlines())
    rows = [Promise(int(row[1]), *(cell.strip() for cell in row.groups()[1:])) for row in found if row]
    assert len({promise.row for promise in rows}) == len(rows), "a number stands twice in the table of promises"
    return {promise.row: promise for promise in rows}


def needs(text: str) -> dict[int, str]:
    """Return what a plain machine lacks to prove a row, or a part of it, by number."""
    found = (_NEED.match(line) for line in text.splitlines())
    return {int(need[1]): need[2].strip() for need in found if need}


def rewritten(text: str, proofs: Mapping[int, str]) -> str:
    """Return the page with the last column of each row as in `proofs`."""
    lines = []
    for line in text.splitlines():
        if row := _ROW.match(line):
            line = f"| {row[1]} | {row[2]} | {row[3]} | {proofs[int(row[1])]} |"
        lines.append(line)
    return "\n".join(lines) + "\n"
