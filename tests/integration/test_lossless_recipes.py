"""Every lossless recipe says what the native model says in every validation row, or is gated with the rows shown."""

from importlib.util import find_spec

import pytest

from tests.compatibility.cells import GATED, NOT_TRIED, OK, REFUSED, judged_lossless
from tests.compatibility.families import TEN, TIES, TWO, classifier

_LIBRARIES = {"XGBoost": "xgboost", "LightGBM": "lightgbm"}
_KINDS = (
    *("random forest", "extra trees", "gradient boosting", "logistic regression", "SVC", "perceptron"),
    *(kind for kind, library in _LIBRARIES.items() if find_spec(library)),
)
_LONG = [pytest.param(kind, data, marks=pytest.mark.long) for kind in _KINDS for data in (TWO, TEN, TIES)]
_QUICK = [("logistic regression", "wine")]


@pytest.mark.parametrize(("kind", "data"), [*_QUICK, *_LONG])
def test_a_lossless_recipe_agrees_in_every_row_or_is_gated_with_the_rows(kind: str, data: str) -> None:
    found = judged_lossless(classifier(kind, data))

    assert any(one.cell.state == OK for one in found), "something has to be lossless"
    for one in found:
        differing = set(one.differing) - set(one.tied)
        if one.cell.state == OK:
            assert not differing, f"{one.label}: rows {sorted(differing)[:10]}"
        elif one.cell.state == GATED:
            assert one.cell.reason
            assert len(set(one.differing) & set(one.shown)) == min(len(one.differing), 100), one.label
        else:
            assert one.cell.state in (REFUSED, NOT_TRIED)
            assert one.cell.reason, one.label
