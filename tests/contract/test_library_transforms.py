"""Files of XGBoost and LightGBM whose trees were changed: what their libraries and our exporters make of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mltest.coordinator.builder.exporters.registry import exporters
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.surgery.additive import Loss, loss_of
from mltest.coordinator.builder.surgery.change_library_trees import cap_trees, refine_trees
from mltest.coordinator.builder.surgery.library_trees import LibraryTrees, open_trees
from mltest.coordinator.builder.surgery.selection import read_library_selection
from mltest.coordinator.builder.transforms.registry import transformed
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError
from mltest.shared.native.libraries import open_library_model
from tests.contract.artifacts import source_of
from tests.contract.tiny_boosters import BOOSTER_NAMES, booster_info, tiny_booster

pytestmark = pytest.mark.skipif(not BOOSTER_NAMES, reason="pip install 'mltest-fleet[runtimes-xgboost]'")

NAMES = [
    name
    for name in BOOSTER_NAMES
    if not name.startswith("catboost") and booster_info(name).family in ("boosting", "forest")
]
UNCHANGED = {"xgboost, dart": "dart", "lightgbm, linear leaves": "linear models"}
"""Whose trees are not changed."""
OTHER_LOSS = (
    *("xgboost, hinge", "xgboost, counts", "xgboost, shares", "lightgbm, counts", "lightgbm, own objective"),
    *("lightgbm, one against all", "lightgbm, roots"),
)
TAKING = ("onnx_export", "treelite_export", "c_export")
NOT_CONVERTED = {("onnx_export", "lightgbm, forest")}
"""Averaged trees, of which onnxmltools is not right."""
FORESTS = [name for name in NAMES if booster_info(name).family == "forest"]


def chosen_by(name: str, folder: Path) -> ExportSource:
    """Return the model with rows and true values for them: what it says itself, some of it wrong."""
    source, rows = source_of(name, folder), tiny_booster(name).rows
    said = answers(source.path, source.info.format, rows)
    random = np.random.default_rng(3)
    is_class = booster_info(name).task is Task.CLASSIFICATION
    truth: Any = said.argmax(axis=1) if is_class else said + random.normal(size=said.shape)
    if is_class:
        truth = np.where(random.random(len(rows)) < 0.2, 0, truth)
    np.savez(folder / "rows.npz", X=rows, y=truth)
    return replace(source, rows=folder / "rows.npz")


def answers(path: Path, file_format: str, rows: Any) -> Any:
    model = open_library_model(path, file_format)
    predictions = model.predictions(model.prepare(rows))
    if predictions.scores is not None and predictions.scores.shape[1] > 1:
        return predictions.scores
    return predictions.scores if predictions.labels is None else np.eye(2)[predictions.labels]


def opened(source: ExportSource) -> LibraryTrees:
    return open_trees(source.path, source.info.format, "a test")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNCHANGED])
def test_the_margins_of_a_file_are_the_sums_of_its_leaves(name: str, tmp_path: Path) -> None:
    """That is what every change relies on; what is left is the same for each row."""
    source = source_of(name, tmp_path)
    trees, rows = opened(source), open_library_model(source.path, source.info.format).prepare(tiny_booster(name).rows)
    left, leaves, values = trees.margins(rows), trees.leaves_of(rows), trees.values()
    for tree, column in enumerate(trees.columns):
        left[:, column] -= trees.scale * values[leaves[:, tree]]
    assert np.ptp(left, axis=0).max() < 1e-5


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNCHANGED])
def test_a_capped_file_has_shallower_trees_and_answers_what_rows_below_had_on_average(
    name: str, tmp_path: Path
) -> None:
    source = chosen_by(name, tmp_path)
    deepest = opened(source).deepest()
    made = transformed(source, "cap-depth 1/2", tmp_path / "capped")
    again = transformed(source, "cap-depth 1/2", tmp_path / "again")

    assert opened(made).deepest() == round(deepest / 2)
    assert made.path.read_bytes() == again.path.read_bytes()
    assert len(made.path.read_bytes()) < len(source.path.read_bytes())
    before, after = (answers(one.path, source.info.format, tiny_booster(name).rows) for one in (source, made))
    assert after.shape == before.shape
    assert np.isfinite(after).all()
    with_all = opened(source)
    with pytest.raises(ConversionError, match="is allowed"):
        cap_trees(with_all, str(deepest), "cap-depth")


@pytest.mark.parametrize("name", list(UNCHANGED))
def test_what_cannot_be_changed_says_so(name: str, tmp_path: Path) -> None:
    if name not in NAMES:
        pytest.skip("pip install 'mltest-fleet[runtimes-xgboost]'")
    with pytest.raises(ConversionError, match=UNCHANGED[name]):
        transformed(chosen_by(name, tmp_path), "cap-depth 1/2", tmp_path / "capped")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*UNCHANGED, *OTHER_LOSS)])
def test_leaves_of_a_capped_file_that_are_refined_err_less_on_the_rows_that_chose(name: str, tmp_path: Path) -> None:
    source = chosen_by(name, tmp_path)
    assert source.rows is not None
    selection = read_library_selection(source.path, source.info.format, source.rows)
    capped = transformed(source, "cap-depth 1/2", tmp_path / "capped")
    made = transformed(source, "cap-depth 1/2 refined", tmp_path / "refined")

    def error(one: ExportSource) -> float:
        trees = opened(one)
        assert trees.loss is not None
        target = selection.target[:, 1:] if trees.loss is Loss.LOGISTIC else selection.target
        return loss_of(trees.margins(selection.rows), target, trees.loss)

    assert made.path.read_bytes() != capped.path.read_bytes()
    assert error(made) < error(capped)


@pytest.mark.parametrize("name", [name for name in NAMES if name in OTHER_LOSS])
def test_leaves_are_not_refined_under_a_loss_that_is_not_known(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"the losses of two and more classes, not \w"):
        transformed(chosen_by(name, tmp_path), "cap-depth 1/2 refined", tmp_path / "refined")


@pytest.mark.parametrize("method", ["reduced-error", "complementarity", "individual"])
@pytest.mark.parametrize("name", FORESTS)
def test_a_pruned_forest_is_the_mean_of_the_trees_that_were_kept(name: str, method: str, tmp_path: Path) -> None:
    source = chosen_by(name, tmp_path)
    made = transformed(source, f"prune-trees {method} 1/2", tmp_path / "pruned")
    rows = open_library_model(source.path, source.info.format).prepare(tiny_booster(name).rows)
    whole, half = opened(source), opened(made)

    def by_tree(trees: LibraryTrees) -> Any:
        return len(trees.columns) * trees.scale * trees.values()[trees.leaves_of(rows)]

    base = whole.margins(rows)[:, 0] - by_tree(whole).mean(axis=1)
    each = {tuple(np.round(column, 4)): column for column in by_tree(whole).T}
    kept = [tuple(np.round(column, 4)) for column in by_tree(half).T]
    assert len(kept) == 3
    assert set(kept) <= set(each)
    expected = base + np.mean([each[column] for column in kept], axis=0)
    np.testing.assert_allclose(half.margins(rows)[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize("label", ["cap-depth 1/2 refined", "prune-trees reduced-error 1/2"])
@pytest.mark.parametrize("name", FORESTS)
def test_our_exporters_take_the_changed_file(name: str, label: str, tmp_path: Path) -> None:
    made = transformed(chosen_by(name, tmp_path), label, tmp_path / "made")
    taking = [one for one in exporters() if one.needs.name in TAKING and (one.needs.name, name) not in NOT_CONVERTED]
    converted = []
    for found in taking:
        found.export(made, tmp_path / found.needs.name)
        converted.append(found.needs.name)
    assert len(converted) >= 2


def test_a_forest_of_several_classes_keeps_whole_members(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost", reason="pip install 'mltest-fleet[runtimes-xgboost]'")
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 4)).astype(np.float32)
    truth = (rows[:, 0] > 0).astype(int) + (rows[:, 1] > 0)
    settings = {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 6, "subsample": 0.6, "eta": 1}
    booster = xgboost.train({**settings, "nthread": 1}, xgboost.DMatrix(rows, truth), 1)
    path = tmp_path / "forest.json"
    booster.save_model(path)
    np.savez(tmp_path / "rows.npz", X=rows, y=truth)
    source = replace(
        source_of(FORESTS[0], tmp_path),
        path=path,
        rows=tmp_path / "rows.npz",
        info=replace(booster_info(FORESTS[0]), format="xgboost-json", classes=("0", "1", "2")),
    )
    made = transformed(source, "prune-trees reduced-error 2", tmp_path / "pruned")

    assert opened(made).columns.tolist() == [0, 0, 1, 1, 2, 2]
    found, whole = (answers(one.path, "xgboost-json", rows) for one in (made, source))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found.argmax(axis=1) == whole.argmax(axis=1)).mean() > 0.9


def test_a_refined_file_is_as_it_was_where_the_pull_is_strong(tmp_path: Path) -> None:
    name = next(name for name in NAMES if name.endswith("three classes"))
    source = chosen_by(name, tmp_path)
    assert source.rows is not None
    trees = opened(source)
    refine_trees(trees, read_library_selection(source.path, source.info.format, source.rows), "a test", pull=1e9)
    (tmp_path / "same").write_bytes(trees.write())
    rows = tiny_booster(name).rows
    same = answers(tmp_path / "same", source.info.format, rows)
    np.testing.assert_allclose(same, answers(source.path, source.info.format, rows), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in BOOSTER_NAMES if name.startswith("catboost")])
def test_a_file_of_catboost_that_ends_earlier_is_what_it_says_after_so_many_trees(name: str, tmp_path: Path) -> None:
    import catboost

    source, rows = source_of(name, tmp_path), tiny_booster(name).rows
    made = transformed(source, "first-stages 1/2", tmp_path / "shorter")
    again = transformed(source, "first-stages 1/2", tmp_path / "again")
    whole, half = (catboost.CatBoost().load_model(str(one.path)) for one in (source, made))

    np.testing.assert_array_equal(half.predict(rows), whole.predict(rows, ntree_end=3))
    assert half.tree_count_ == 3
    assert made.path.read_bytes() == again.path.read_bytes()
