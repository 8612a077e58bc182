"""Files of XGBoost and LightGBM are checked before a library opens them."""

import json
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import xgboost

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError
from mltest.shared.native import libraries
from mltest.shared.native.libraries import open_library_model
from mltest.shared.native.lightgbm_file import facts_of_lightgbm, text_in
from mltest.shared.native.ubjson import read_ubjson
from mltest.shared.native.xgboost_file import facts_of_xgboost, learner_in
from mltest.shared.status import next_step_of
from tests.hostile.boosters import (
    LIGHTGBM_EDITS,
    LIGHTGBM_TEXT,
    XGBOOST_EDITS,
    XGBOOST_JSON,
    XGBOOST_UBJ,
    crafted_lightgbm,
    crafted_xgboost,
)

ROWS = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize("content", [XGBOOST_JSON, XGBOOST_UBJ], ids=["json", "ubj"])
def test_an_honest_file_is_read_as_xgboost_reads_it(content: bytes, tmp_path: Path) -> None:
    facts = facts_of_xgboost(learner_in(content))
    assert (facts.family, facts.task, facts.output) == ("boosting", Task.CLASSIFICATION, Output.PROBABILITIES)
    assert (facts.feature_count, facts.classes) == (3, ("0", "1"))
    expected = np.float64(xgboost.Booster(model_file=bytearray(content)).inplace_predict(ROWS))
    (tmp_path / "model").write_bytes(content)
    model = open_library_model(tmp_path / "model", "xgboost-json")
    np.testing.assert_array_equal(
        model.predictions(model.prepare(ROWS)).scores, np.column_stack([1 - expected, expected])
    )


def test_an_honest_file_is_read_as_lightgbm_reads_it(tmp_path: Path) -> None:
    facts = facts_of_lightgbm(text_in(LIGHTGBM_TEXT))
    assert (facts.feature_count, facts.classes, facts.feature_names) == (3, ("0", "1"), ("a", "b", "c"))
    expected = np.asarray(lightgbm.Booster(model_str=LIGHTGBM_TEXT.decode()).predict(ROWS), dtype=np.float64)
    (tmp_path / "model").write_bytes(LIGHTGBM_TEXT)
    model = open_library_model(tmp_path / "model", "lightgbm")
    np.testing.assert_array_equal(
        model.predictions(model.prepare(ROWS)).scores, np.column_stack([1 - expected, expected])
    )


@pytest.mark.parametrize("is_ubj", [False, True], ids=["json", "ubj"])
@pytest.mark.parametrize("edit", XGBOOST_EDITS)
@pytest.mark.promise(13)
def test_a_crafted_xgboost_file_is_invalid(edit: str, is_ubj: bool) -> None:
    with pytest.raises(ModelInvalidError):
        learner_in(crafted_xgboost(edit, is_ubj=is_ubj))


def test_trees_with_several_values_in_a_leaf_are_named_and_not_called_damaged() -> None:
    document = json.loads(XGBOOST_JSON)
    (tree,) = document["learner"]["gradient_booster"]["model"]["trees"]
    tree["tree_param"]["size_leaf_vector"] = "2"
    with pytest.raises(ModelUnsupportedError, match="several values in a leaf"):
        learner_in(json.dumps(document).encode())


@pytest.mark.parametrize("edit", LIGHTGBM_EDITS)
@pytest.mark.promise(13)
def test_a_crafted_lightgbm_file_is_invalid(edit: str) -> None:
    with pytest.raises(ModelInvalidError):
        text_in(crafted_lightgbm(edit))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_part_of_a_file_is_invalid(share: float) -> None:
    for content in (XGBOOST_JSON, XGBOOST_UBJ):
        with pytest.raises(ModelInvalidError):
            learner_in(content[: int(len(content) * share)])
    with pytest.raises(ModelInvalidError):
        text_in(LIGHTGBM_TEXT[: int((len(LIGHTGBM_TEXT) - 14) * share)])


@pytest.mark.parametrize(
    "content", [b"[" * 10**6, b"{" * 10**6, b'{"a":' * 10**5, b"{L" + b"\xff" * 8, b"[$U#L" + b"\x7f" * 8]
)
def test_nesting_and_counts_without_an_end_are_invalid(content: bytes) -> None:
    with pytest.raises(ModelInvalidError):
        learner_in(content)


def test_ubjson_says_what_json_says() -> None:
    booster = xgboost.Booster(model_file=bytearray(XGBOOST_JSON))
    as_json, as_ubj = learner_in(bytes(booster.save_raw("json"))), learner_in(bytes(booster.save_raw("ubj")))
    assert facts_of_xgboost(as_json) == facts_of_xgboost(as_ubj)
    first, second = (one["gradient_booster"]["model"]["trees"][0] for one in (as_json, as_ubj))
    for name in ("left_children", "split_conditions", "default_left"):
        np.testing.assert_allclose(first[name], second[name])
    with pytest.raises(ValueError, match="behind its end"):
        read_ubjson(XGBOOST_UBJ + b"N")


def test_a_library_that_is_not_here_is_named_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(libraries.LIBRARIES, "xgboost-json", libraries.Library("XGBoost", "xgboost_absent", "none"))
    with pytest.raises(ModelUnsupportedError, match="XGBoost is not installed") as raised:
        open_library_model(tmp_path / "model", "xgboost-json")
    assert "pip install 'mltest-fleet[runtimes-" in next_step_of(raised.value)
