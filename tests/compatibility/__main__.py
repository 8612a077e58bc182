"""`python -m tests.compatibility`: tries everything, and writes both tables into docs/compatibility.md."""

from collections.abc import Mapping

from tests.compatibility.cells import NONE, columns, tried
from tests.compatibility.families import FAMILIES
from tests.compatibility.lossy import MODELS, lossy_columns, tried_lossy
from tests.compatibility.page import LOSSY_TABLE, PAGE, Texts, read, texts_of, written
from tests.contract.own_environments import add_own_environments


def _matrix() -> dict[str, Texts]:
    before, found = read(PAGE.read_text()), dict[str, Texts]()
    for name, family in FAMILIES.items():
        old = before.get(name, {})
        if family.is_here:
            found[name] = _kept(texts_of(tried(family), columns()), old)
            print(name, found[name], flush=True)
        elif old:
            found[name] = old
    return found


def _lossy() -> dict[str, Texts]:
    before, found = read(PAGE.read_text(), LOSSY_TABLE), dict[str, Texts]()
    for name in MODELS:
        old = {row: texts for row, texts in before.items() if row.startswith(f"{name}: ")}
        new = tried_lossy(name) if FAMILIES[name].is_here else {}
        for row, tried_row in new.items():
            found[row] = _kept(texts_of(tried_row, lossy_columns()), old.get(row, {}))
            print(row, found[row], flush=True)
        found |= {row: texts for row, texts in old.items() if row not in new and (not new or _is_of_a_tool(texts))}
    return found


def _kept(new: Mapping[str, str], old: Mapping[str, str]) -> Texts:
    """Return `new`; what cannot be tried here stays as it is."""
    return {column: text or old.get(column, "") for column, text in new.items()}


def _is_of_a_tool(texts: Mapping[str, str]) -> bool:
    """Return whether a row is about a program of others alone, which is not configured here."""
    return {column for column in lossy_columns() if texts.get(column, NONE) != NONE} == {"fastinference"}


if __name__ == "__main__":
    add_own_environments()
    matrix, lossy = _matrix(), _lossy()
    text = written(PAGE.read_text(), matrix, columns())
    PAGE.write_text(written(text, lossy, lossy_columns(), LOSSY_TABLE))
