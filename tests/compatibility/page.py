"""Reads and writes the matrix of docs/compatibility.md. Pure but for the file itself."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.compatibility.cells import GATED, LOSSY, NONE, NOT_TRIED, OK, Cell, Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
MATRIX, LOSSY_TABLE = "matrix", "table of lossy recipes"
"""What stands between marks on the page."""
_ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| (.*) \|$")
_REASON = re.compile(r"^(\d+)\. (.*)$")
GATE_REASON = "made, and gated: its predictions are not those of the native model"

_GATES = {
    "a lossy candidate may change": "labels, more of them than a lossy candidate may change",
    "a lossy candidate may lose": "quality, by more than a lossy candidate may lose",
    "labels differ": "labels",
    "probability differs": "probabilities, by more than rounding explains",
    "score differs": "scores, by more than rounding explains",
    "value differs": "values, by more than rounding explains",
    "shifted": "all values are shifted",
}
"""By a part of the gate's reason, whose numbers differ between machines."""

Texts = dict[str, str]
"""Of the cells of one row, by column: ok, lossy, a reason, or empty where it was never tried."""


def text_of(cell: Cell | None) -> str:
    """Return what the page says of one cell; empty if it was not tried."""
    if cell is None or cell.state == NOT_TRIED:
        return ""
    if cell.state in (OK, LOSSY, NONE):
        return cell.state
    if cell.state == GATED:
        return GATE_REASON + next((f" ({what})" for said, what in _GATES.items() if said in cell.reason), "")
    # What this model is stands in its row.
    return " ".join(cell.reason.replace("|", "/").split()).partition(", this ")[0]


def texts_of(row: Row, columns: Sequence[str]) -> Texts:
    """Return the cells of a row that was tried."""
    head = {"family": row.family, "native": row.native}
    return head | {name: text_of(row.cells.get(name)) for name in columns if name != row.native}


def read(text: str, part: str = MATRIX) -> dict[str, Texts]:
    """Return the rows of one part of the page by name."""
    begin, end = _marks(part)
    inside = text.partition(begin)[2].partition(end)[0]
    reasons = {found[1]: found[2] for found in map(_REASON.match, inside.splitlines()) if found}
    lines = [found.groups() for found in map(_ROW.match, inside.splitlines()) if found]
    if not lines:
        return {}
    names = [name.strip() for name in lines[0][3].split("|")]
    return {line[0]: _texts(line, names, reasons) for line in lines[1:]}


def written(text: str, rows: Mapping[str, Texts], columns: Sequence[str], part: str = MATRIX) -> str:
    """Return the page with these rows in one of its parts."""
    begin, end = _marks(part)
    reasons: dict[str, int] = {}
    lines = [f"| model | family | native runtime | {' | '.join(columns)} |", f"|---|---|---|{'---|' * len(columns)}"]
    for name, texts in rows.items():
        cells = (_shown(texts.get(column, ""), column == texts["native"], reasons) for column in columns)
        lines.append(f"| {name} | {texts['family']} | {texts['native']} | {' | '.join(cells)} |")
    listed = [f"{number}. {reason}" for reason, number in reasons.items()]
    before, _, rest = text.partition(begin)
    table = "\n".join([*lines, "", *listed])
    return f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"


def _marks(part: str) -> tuple[str, str]:
    return f"<!-- begin of the {part} -->\n", f"<!-- end of the {part} -->\n"


def _shown(text: str, is_native: bool, reasons: dict[str, int]) -> str:
    if is_native:
        return "native"
    if text in ("", OK, LOSSY, NONE):
        return text or "?"
    return f"no ({reasons.setdefault(text, len(reasons) + 1)})"


def _texts(line: Sequence[str], names: Sequence[str], reasons: Mapping[str, str]) -> Texts:
    cells = dict(zip(names, (cell.strip() for cell in line[3].split("|")), strict=True))
    plain = {name: reasons.get(cell[4:-1], cell) if cell.startswith("no (") else cell for name, cell in cells.items()}
    known = {name: "" if cell == "?" else cell for name, cell in plain.items() if cell != "native"}
    return {"family": line[1], "native": line[2]} | known
