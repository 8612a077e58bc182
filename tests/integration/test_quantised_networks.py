"""Networks in fewer bits: smaller, near the model, the same bytes each time, and refused where nothing can shrink."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.coordinator.builder.exporters.onnx_export import OnnxExport
from mltest.coordinator.builder.exporters.onnx_native import OnnxNative
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.quantisation.float16 import float16
from mltest.coordinator.builder.quantisation.int8 import dynamic_int8, static_int8
from mltest.coordinator.builder.recipes import enumerate_recipes
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import ModelInfo
from mltest.shared.errors import ConversionError
from mltest.shared.native.onnx_session import open_session
from tests.contract.artifacts import source_of
from tests.contract.digests import NETWORKS, PRECISIONS, here_and_elsewhere
from tests.contract.tiny_models import tiny_model


def sourced(name: str, folder: Path) -> ExportSource:
    """Return the model `name` with its rows as a dataset."""
    np.savez(folder / "rows.npz", X=tiny_model(name).rows)
    return replace(source_of(name, folder), rows=folder / "rows.npz")


def scores(path: Path, name: str, info: ModelInfo) -> NDArray[np.float64]:
    """Return what the graph says of the rows of the model `name`."""
    rows = tiny_model(name).rows.astype(np.float32)
    found = open_session(path, threads=1).predictions(rows, task=info.task, classes=info.classes).scores
    assert found is not None
    return found


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_fewer_bits_is_near_the_model_and_not_the_model(name: str, precision: str, tmp_path: Path) -> None:
    source = sourced(name, tmp_path)
    plain, fewer = tmp_path / "plain", tmp_path / "fewer"
    OnnxExport().export(source, plain)
    made = OnnxExport().export(replace(source, options=PRECISIONS[precision]), fewer)
    assert made.input_dtype == "float32"
    expected, found = scores(plain, name, source.info), scores(fewer, name, source.info)
    assert not np.array_equal(found, expected)
    tolerance = 0.01 if precision == "fp16" else 0.15
    assert np.abs(found - expected).max() < tolerance * max(1.0, np.ptp(expected))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_onnx_file_is_written_in_fewer_bits_as_well(precision: str, tmp_path: Path) -> None:
    source, graph, fewer = sourced(NETWORKS[0], tmp_path), tmp_path / "model.onnx", tmp_path / "fewer"
    OnnxExport().export(source, graph)
    native = replace(source, path=graph, native=None, info=replace(source.info, format="onnx", family="network"))
    OnnxNative().export(replace(native, options=PRECISIONS[precision]), fewer)
    expected, found = scores(graph, NETWORKS[0], source.info), scores(fewer, NETWORKS[0], source.info)
    assert 0 < np.abs(found - expected).max() < 0.15
    OnnxNative().export(native, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == graph.read_bytes()


@pytest.mark.parametrize("bias_shape", [(300,), (1, 300)])
def test_layers_with_a_bias_take_int8_for_each_channel_and_a_quarter_of_the_bytes(
    bias_shape: tuple[int, ...], tmp_path: Path
) -> None:
    content = two_layers(np.float32, bias_shape)
    rows = np.random.default_rng(1).normal(size=(64, 30))
    static_int8(content, tmp_path / "static", rows)
    dynamic_int8(content, tmp_path / "dynamic")
    for name in ("static", "dynamic"):
        assert (tmp_path / name).stat().st_size < len(content) * 0.4
    float16(content, tmp_path / "half")
    assert len(content) * 0.4 < (tmp_path / "half").stat().st_size < len(content) * 0.6


def test_fixed_scales_answer_a_row_as_they_answer_it_among_others(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(64, 30)).astype(np.float32)
    answers = {}
    for kind in ("static", "dynamic"):
        path = tmp_path / kind
        content = two_layers(np.float32, (300,))
        static_int8(content, path, rows) if kind == "static" else dynamic_int8(content, path)
        call = open_session(path, threads=1)._session
        alone = np.concatenate([call.run(None, {"X": rows[i : i + 1]})[0] for i in range(64)])
        answers[kind] = np.abs(alone - call.run(None, {"X": rows})[0]).max()
    assert answers["static"] == 0
    assert answers["dynamic"] > 0


@pytest.mark.parametrize(
    "write", [dynamic_int8, float16, lambda graph, path: static_int8(graph, path, np.zeros((4, 30)))]
)
def test_what_has_no_float32_weights_is_refused_with_its_operators(write: Any, tmp_path: Path) -> None:
    forest = tmp_path / "forest.onnx"
    OnnxExport().export(source_of("forest, three classes", tmp_path), forest)
    with pytest.raises(ConversionError, match=r"no matrix of float32 weights.*TreeEnsembleClassifier"):
        write(forest.read_bytes(), tmp_path / "fewer")
    with pytest.raises(ConversionError, match=r"no matrix of float32 weights.*Gemm"):
        write(two_layers(np.float64, (300,)), tmp_path / "fewer")


def test_trees_have_nothing_to_make_smaller_and_the_product_says_so(tmp_path: Path) -> None:
    info = source_of("forest, three classes", tmp_path).info
    cells = {cell.label: cell.reason for cell in enumerate_recipes(info, Plan()).pruned}
    for precision in PRECISIONS:
        assert "this model's family is forest" in cells[f"onnxruntime, {precision}"]


def test_the_same_network_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    here, elsewhere = here_and_elsewhere("quantised", tmp_path)
    assert len(here) == len(NETWORKS) * len(PRECISIONS)
    assert here == elsewhere


def two_layers(dtype: type[np.floating], bias_shape: tuple[int, ...]) -> bytes:
    """Return a graph of two Gemm layers, 30 to 300 to 10, as training libraries write them."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random, kind = np.random.default_rng(0), helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    weights = {
        "w1": random.normal(size=(30, 300)) / 6,
        "b1": random.normal(size=bias_shape),
        "w2": random.normal(size=(10, 300)) / 18,
        "b2": random.normal(size=(10,)),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["X", "w1", "b1"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["Y"], transB=1),
        ],
        "two layers",
        [helper.make_tensor_value_info("X", kind, [None, 30])],
        [helper.make_tensor_value_info("Y", kind, [None, 10])],
        [numpy_helper.from_array(value.astype(dtype), name) for name, value in weights.items()],
    )
    assert kind in (TensorProto.FLOAT, TensorProto.DOUBLE)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
