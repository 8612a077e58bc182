"""Every family of models in every runtime: what docs/compatibility.md says is what happens."""

import re
import sys

import pytest

from tests.compatibility.cells import GATED, OK, REFUSED, Row, columns, tried
from tests.compatibility.families import FAMILIES
from tests.compatibility.lossy import FIRST_SIZES, MODELS, lossy_columns, tried_lossy
from tests.compatibility.page import GATE_REASON, LOSSY_TABLE, MATRIX, PAGE, read, texts_of, written
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


@pytest.mark.long
@pytest.mark.parametrize("name", [case for case in CASES if case.values[0] in MODELS])
def test_lossy_recipes_end_as_the_page_says(name: str) -> None:
    said = read(PAGE.read_text(), LOSSY_TABLE)
    for row, tried_row in tried_lossy(name).items():
        found = {column: text for column, text in texts_of(tried_row, lossy_columns()).items() if text}
        told = {column: _kind(said.get(row, {}).get(column, "")) for column in found}
        assert told == {column: _kind(text) for column, text in found.items()}, row


def test_the_page_has_every_transform_for_every_model_of_its_second_table() -> None:
    text = PAGE.read_text()
    rows = read(text, LOSSY_TABLE)
    assert {row.partition(": ")[0] for row in rows} == set(MODELS), "make compatibility"
    for name in MODELS:
        told = {row.partition(": ")[2] for row in rows if row.startswith(f"{name}: ")}
        missing = {label for label in FIRST_SIZES if not {label, label.partition(" ")[0]} & told}
        assert not missing, name
    assert all(set(lossy_columns()) <= {*row, row["native"]} for row in rows.values()), "make compatibility"
    assert written(text, rows, lossy_columns(), LOSSY_TABLE) == text


@pytest.mark.parametrize("part", [MATRIX, LOSSY_TABLE])
def test_every_refusal_is_explained(part: str) -> None:
    reasons = {text for row in read(PAGE.read_text(), part).values() for text in row.values()}
    # What a tool of others says of itself is quoted.
    ours = [reason for reason in reasons if not reason.startswith("fastinference fails: ")]
    assert not [reason for reason in ours if _UNEXPLAINED.search(reason)]


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
