"""Finds `pytest.mark.promise(row, ...)` in the sources of the tests, without importing them."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.promises.table import NO_TEST

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Proof:
    """A file that proves a row."""

    path: str
    """Below the folder of the tests."""
    row: int
    is_long: bool


def proofs_in(folder: Path = TESTS) -> tuple[Proof, ...]:
    """Return every marker of the test files below `folder`."""
    found = {
        Proof(path.relative_to(folder).as_posix(), row, is_long)
        for path in folder.rglob("test_*.py")
        for row, is_long in _marked(ast.parse(path.read_text()))
    }
    return tuple(sorted(found, key=lambda proof: (proof.row, proof.path, proof.is_long)))


def columns(rows: Mapping[int, object], proofs: tuple[Proof, ...]) -> dict[int, str]:
    """Return what stands in the last column of each of `rows`."""
    return {row: _column([proof for proof in proofs if proof.row == row]) for row in rows}


def _column(proofs: list[Proof]) -> str:
    forms: dict[str, set[bool]] = {}
    for proof in proofs:
        forms.setdefault(proof.path, set()).add(proof.is_long)
    cells = [f"`{path}`{_form(lengths)}" for path, lengths in forms.items()]
    return ", ".join(cells) or NO_TEST


def _form(lengths: set[bool]) -> str:
    return {frozenset({True}): " (long)", frozenset({True, False}): " (quick, long)"}.get(frozenset(lengths), "")


def _marked(module: ast.Module) -> Iterator[tuple[int, bool]]:
    """Yield row and length of each marker; those of `pytestmark` hold for the whole file."""
    whole_file = [node for node in module.body if _assigns_pytestmark(node)]
    is_long_file = any(_is_long(node) for node in whole_file)
    for node in module.body:
        has_part = isinstance(node, ast.ClassDef)
        for part in [node, *(node.body if isinstance(node, ast.ClassDef) else ())]:
            is_long = is_long_file or _is_long(part, is_deep=not (has_part and part is node))
            yield from ((row, is_long) for row in _rows(part, is_deep=not (has_part and part is node)))


def _assigns_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _marks(node: ast.stmt, *, is_deep: bool) -> Iterator[ast.AST]:
    """Walk through `node`, or through its decorators alone."""
    for start in [node] if is_deep else getattr(node, "decorator_list", []):
        yield from ast.walk(start)


def _rows(node: ast.stmt, *, is_deep: bool) -> Iterator[int]:
    for part in _marks(node, is_deep=is_deep):
        if isinstance(part, ast.Call) and _is_mark(part.func, "promise"):
            values = (argument.value for argument in part.args if isinstance(argument, ast.Constant))
            yield from (value for value in values if isinstance(value, int))


def _is_long(node: ast.stmt, *, is_deep: bool = True) -> bool:
    return any(_is_mark(part, "long") for part in _marks(node, is_deep=is_deep))


def _is_mark(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value).endswith("mark")
