"""What every transform has to do, for every family and kind of label: a model that works, or why there is none."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.exporters.c_network_export import CNetworkExport
from mltest.coordinator.builder.exporters.onnx_export import OnnxExport
from mltest.coordinator.builder.exporters.registry import exporters
from mltest.coordinator.builder.native_file import write_native
from mltest.coordinator.builder.opened_model import open_native
from mltest.coordinator.builder.transforms.registry import transform_label, transformed, transforms
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import ConversionError
from mltest.shared.model_format import format_of
from mltest.shared.native.libraries import open_library_model
from mltest.shared.native.onnx_session import open_session
from tests.contract.artifacts import source_of
from tests.contract.compiled import as_opened
from tests.contract.digests import NETWORKS, here_and_elsewhere, sourced
from tests.contract.tiny_boosters import BOOSTER_NAMES, booster_info, tiny_booster
from tests.contract.tiny_models import NAMES, tiny_model

REASONS = ("this is HistGradientBoosting", "is allowed", "are allowed")
"""Words of the reasons for which a tiny model is not transformed though its family is taken."""


def _xgboost_rounds(path: Path, rows: Any, count: int) -> Any:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(path.read_bytes()))
    return booster.inplace_predict(rows.astype(np.float32), iteration_range=(0, count))


def _lightgbm_rounds(path: Path, rows: Any, count: int) -> Any:
    import lightgbm

    return lightgbm.Booster(model_file=path).predict(rows, num_iteration=count)


FIRST_ROUNDS = {"xgboost": _xgboost_rounds, "lightgbm": _lightgbm_rounds}
"""What the libraries say if they stop after some rounds."""


def taken() -> Iterator[Any]:
    """Yield every variant of every transform with every model whose family it takes."""
    families = {name: _family(name) for name in NAMES}
    for found in transforms():
        for variant in found.needs.variants:
            for name in NAMES:
                limits = (found.needs.families, variant.families)
                if all(not limit or families[name] in limit for limit in limits):
                    label = transform_label(found.needs, variant)
                    yield pytest.param(name, label, id=f"{name}-{label}")


def _family(name: str) -> str:
    from mltest.shared.native.outputs import describe_estimator

    return describe_estimator(tiny_model(name).estimator).family


@pytest.mark.parametrize(("name", "label"), list(taken()))
def test_a_transformed_model_is_written_exported_and_smaller_or_says_why_not(
    name: str, label: str, tmp_path: Path
) -> None:
    source = sourced(name, tmp_path)
    assert source.native is not None
    before = source.native.predictions(source.native.prepare(tiny_model(name).rows))
    try:
        made = transformed(source, label, tmp_path / "unused")
    except ConversionError as error:
        assert any(reason in error.message for reason in REASONS)
        return
    write_native(made, tmp_path / "artifact.skops")
    native, _ = open_native(tmp_path / "artifact.skops", "skops", allows_pickle=False)
    rows = native.prepare(tiny_model(name).rows)
    assert made.native is not None
    found, expected = native.predictions(rows), made.native.predictions(rows)
    assert found.scores is not None
    assert expected.scores is not None
    assert before.scores is not None
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert found.scores.shape == before.scores.shape
    assert not np.array_equal(found.scores, before.scores)
    assert (tmp_path / "artifact.skops").stat().st_size < source.path.stat().st_size
    after = source.native.predictions(source.native.prepare(tiny_model(name).rows))
    np.testing.assert_array_equal(after.scores, before.scores)


@pytest.mark.parametrize(
    "label", ["prune-trees reduced-error 1/2", "cap-depth 1/2 refined", "prune-cost-complexity 1/2"]
)
def test_every_exporter_takes_a_transformed_forest(label: str, tmp_path: Path) -> None:
    made = transformed(sourced("forest, three classes", tmp_path), label, tmp_path / "unused")
    converted = set()
    for found in exporters():
        if found.needs.name in ("onnx_export", "treelite_export", "skops_native"):
            found.export(made, tmp_path / found.needs.name)
            converted.add(found.needs.name)
    assert len(converted) == 3
    native, _ = open_native(tmp_path / "skops_native", "skops", allows_pickle=False)
    rows = tiny_model("forest, three classes").rows
    session = open_session(tmp_path / "onnx_export", threads=1)
    found_scores = session.predictions(rows.astype(np.float32), task=made.info.task, classes=made.info.classes).scores
    expected_scores = native.predictions(native.prepare(rows)).scores
    assert found_scores is not None
    assert expected_scores is not None
    np.testing.assert_allclose(found_scores, expected_scores, atol=1e-5)


@pytest.mark.parametrize("label", ["prune-weights 1/2", "prune-units 1/2"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_exporter_takes_a_pruned_network(name: str, label: str, tmp_path: Path) -> None:
    made = transformed(sourced(name, tmp_path), label, tmp_path / "unused")
    assert made.native is not None
    expected = made.native.predictions(made.native.prepare(tiny_model(name).rows)).scores
    assert expected is not None
    for exporter in (OnnxExport(), CNetworkExport()):
        path = tmp_path / exporter.needs.name
        exported = exporter.export(made, path)
        candidate = VisitCandidate(
            candidate_id="c",
            runtime=exporter.needs.runtimes[0],
            format=exporter.needs.formats["skops"],
            artifact_sha256="",
            task=made.info.task,
            output=made.info.output,
            feature_count=made.info.feature_count,
            classes=made.info.classes,
            input_dtype=exported.input_dtype,
            options=exported.options,
        )
        model = runtime_named(candidate.runtime).open(as_opened(path, candidate), candidate)
        found = model.predictions(model.prepare(tiny_model(name).rows)).scores
        assert found is not None
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_graph_of_onnx_is_pruned_in_its_own_format(tmp_path: Path) -> None:
    source = sourced(NETWORKS[0], tmp_path)
    OnnxExport().export(source, tmp_path / "graph")
    native = replace(source, path=tmp_path / "graph", native=None, info=replace(source.info, format="onnx"))
    same = transformed(source, "prune-units 1/2", tmp_path / "unused")
    assert same.native is not None
    made = transformed(native, "prune-units 1/2", tmp_path / "fewer")
    rows = tiny_model(NETWORKS[0]).rows
    session = open_session(made.path, threads=1)
    found = session.predictions(rows.astype(np.float32), task=made.info.task, classes=made.info.classes).scores
    expected = same.native.predictions(same.native.prepare(rows)).scores
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]  # float64


def test_without_true_values_what_the_model_says_is_what_it_is_pruned_by(tmp_path: Path) -> None:
    source = sourced("forest, three classes", tmp_path)
    np.savez(tmp_path / "rows.npz", X=tiny_model("forest, three classes").rows)
    made = transformed(
        replace(source, rows=tmp_path / "rows.npz"), "prune-trees reduced-error 1/2", tmp_path / "unused"
    )
    assert made.native is not None
    assert len(made.native.estimator.estimators_) == 3


BOOSTED = [name for name in BOOSTER_NAMES if name.partition(",")[0] in FIRST_ROUNDS]


@pytest.mark.parametrize("name", [name for name in BOOSTED if booster_info(name).family == "boosting"])
def test_a_file_of_boosting_that_ends_earlier_is_what_its_library_says_after_so_many_rounds(
    name: str, tmp_path: Path
) -> None:
    source = source_of(name, tmp_path)
    made = transformed(source, "first-stages 1/2", tmp_path / "shorter")
    assert format_of(made.path) == source.info.format
    assert made.path.stat().st_size < source.path.stat().st_size
    shorter, rows = open_library_model(made.path, source.info.format), tiny_booster(name).rows
    found = np.asarray(shorter.call(source.info.output)(shorter.prepare(rows)))
    np.testing.assert_array_equal(found, FIRST_ROUNDS[name.partition(",")[0]](source.path, rows, 3))
    again = transformed(source, "first-stages 1/2", tmp_path / "again")
    assert again.path.read_bytes() == made.path.read_bytes()


def test_a_file_with_too_few_rounds_says_so(tmp_path: Path) -> None:
    name = next((name for name in BOOSTED if booster_info(name).family == "boosting"), "")
    if not name:
        pytest.skip("pip install 'mltest-fleet[runtimes-xgboost]'")
    made = transformed(source_of(name, tmp_path), "first-stages 1/2", tmp_path / "three")
    from mltest.coordinator.builder.surgery.first_rounds import first_rounds

    with pytest.raises(ConversionError, match="the model has 3 rounds, and 3 are to be kept"):
        first_rounds(made.path, made.info.format, "3", tmp_path / "as many")


@pytest.mark.parametrize(
    ("label", "trees", "depth"),
    [
        *(("prune-trees reduced-error 2", 2, None), ("prune-trees individual 1/3", 2, None)),
        *(("cap-depth 2", 6, 2), ("cap-depth 1 refined", 6, 1)),
    ],
)
def test_a_size_that_no_variant_has_is_made_as_well(label: str, trees: int, depth: int | None, tmp_path: Path) -> None:
    made = transformed(sourced("forest, three classes", tmp_path), label, tmp_path / "unused")
    assert made.native is not None
    found = made.native.estimator.estimators_
    assert len(found) == trees
    if depth is not None:
        assert max(tree.tree_.max_depth for tree in found) == depth


@pytest.mark.parametrize("label", ["prune-trees 2", "prune-trees by-luck 2", "cap-depth", "prune-trees reduced-error"])
def test_a_label_that_no_way_has_is_refused(label: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="is not installed here"):
        transformed(sourced("forest, three classes", tmp_path), label, tmp_path / "unused")


def test_the_same_model_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    here, elsewhere = here_and_elsewhere("transformed", tmp_path)
    assert len(here) == 48
    assert here == elsewhere
