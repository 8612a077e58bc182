"""Every family of models in every runtime: what docs/compatibility.md says is what happens."""

import re
import sys

import pytest

from tests.compatibility.cells import GATED, LOSSY, OK, REFUSED, Row, columns, tried
from tests.compatibility.families import FAMILIES
from tests.compatibility.page import GATE_REASON, PAGE, read, texts_of, written
from tests.contract.own_environments import add_own_environments

add_own_environments()

_UNEXPLAINED = re.compile(
    r"<class|Traceback|0x[0-9a-f]{6}|Check failed|https?:|\b\w+(Error|Exception|Calculator|Converter):"
)
"""What only somebody who knows the library understands."""
_GATE_WORDS = re.compile(re.escape(GATE_REASON) + ".*")
CASES = [
    pytest.param(
        name,
        id=name,
        marks=pytest.mark.skipif(not family.is_here, reason=family.remedy),
    )
    for name, family in FAMILIES.items()
]
LIKE_OTHERS = {
    "RandomForestClassifier, two classes",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "HistGradientBoostingRegressor",
    "SVC, poly",
    "SVC, rbf",
    "MinMaxScaler, MLPClassifier",
    "StandardScaler, RandomForestClassifier",
    "XGBoost, ten classes",
    "XGBoost, counts",
    "LightGBM, ten classes",
    "LightGBM, counts",
    "LightGBM, values",
}
"""Of the kind of another one, and slow: tried by the long tests."""
TRIED = [
    pytest.param(*case.values, id=case.id, marks=[*case.marks, *([pytest.mark.long] * (case.id in LIKE_OTHERS))])
    for case in CASES
]


def test_what_only_the_long_tests_try_are_families() -> None:
    assert set(FAMILIES) > LIKE_OTHERS


@pytest.mark.parametrize("name", TRIED)
def test_a_family_runs_where_the_page_says(name: str) -> None:
    row = tried(FAMILIES[name])
    sys.stdout.write(f"{_line(name, row)}\n")
    assert row.family == FAMILIES[name].family
    assert row.cells[row.native].state == OK, row.cells[row.native].reason
    said = read(PAGE.read_text()).get(name, {})
    found = {column: text for column, text in texts_of(row, columns()).items() if text}
    assert {column: _kind(said.get(column, "")) for column in found} == {c: _kind(text) for c, text in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_every_refusal_is_explained(name: str) -> None:
    reasons = [text for text in read(PAGE.read_text())[name].values() if text not in (OK, LOSSY, "")]
    assert not [reason for reason in reasons if _UNEXPLAINED.search(reason)]


def test_the_page_names_every_family_and_every_runtime() -> None:
    text = PAGE.read_text()
    rows = read(text)
    assert list(rows) == list(FAMILIES), "make compatibility"
    assert all(set(columns()) <= {*row, row["native"]} for row in rows.values()), "make compatibility"
    assert written(text, rows, columns()) == text


def test_a_native_runtime_answers_for_every_family_that_was_asked_for() -> None:
    asked = {"forest", "tree", "boosting", "linear", "svm", "mlp", "neighbors", "bayes", "network"}
    assert {family.family for family in FAMILIES.values()} == asked
    assert {row["native"] for row in read(PAGE.read_text()).values()} == {
        "scikit-learn",
        "xgboost",
        "lightgbm",
        "catboost",
        "torch",
    }


def _kind(text: str) -> str:
    """Leave away by what a gated candidate differs: that may be something else on another processor."""
    return _GATE_WORDS.sub(GATE_REASON, text)


def _line(name: str, row: Row) -> str:
    cells = (f"{runtime} {cell.state}{_reason(cell.state, cell.reason)}" for runtime, cell in row.cells.items())
    return f"{name} ({row.family}): {'; '.join(cells)}"


def _reason(state: str, reason: str) -> str:
    return f" ({reason})" if state in (GATED, REFUSED) else ""
