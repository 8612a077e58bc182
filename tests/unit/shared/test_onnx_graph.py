from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.onnx_graph import inspect_graph
from mltest.shared.native.onnx_session import open_session

WEIGHT = numpy_helper.from_array(np.eye(3, dtype=np.float32), "W")


def saved(path: Path, nodes: list[onnx.NodeProto], **changes: Any) -> Path:
    shape = changes.pop("shape", [None, 3])
    element = changes.pop("element", TensorProto.FLOAT)
    weights = changes.pop("weights", [WEIGHT])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.elsewhere", 1)]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", element, shape)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, None])],
        weights,
    )
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


def product() -> onnx.NodeProto:
    return helper.make_node("MatMul", ["X", "W"], ["Y"])


def test_a_plain_graph_says_what_it_takes(tmp_path: Path) -> None:
    facts = inspect_graph(saved(tmp_path / "m.onnx", [product()]))
    assert (facts.feature_count, facts.family, facts.classes) == (3, "linear", ())


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    outside = TensorProto(name="W", data_type=TensorProto.FLOAT, dims=[3, 3], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(ModelInvalidError, match="kept in another file"):
        inspect_graph(saved(tmp_path / "m.onnx", [product()], weights=[outside]))


def test_several_inputs_are_named(tmp_path: Path) -> None:
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3]) for name in ("X", "Z")]
    output = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 3])
    graph = helper.make_graph([helper.make_node("Add", ["X", "Z"], ["Y"])], "g", inputs, [output])
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(ModelUnsupportedError, match=r"takes 2 inputs \(X, Z\)"):
        inspect_graph(path)


def test_a_custom_operator_is_named_also_inside_a_branch(tmp_path: Path) -> None:
    foreign = helper.make_node("Conjure", ["X"], ["Z"], domain="com.elsewhere")
    branch = helper.make_graph([foreign], "b", [], [helper.make_tensor_value_info("Z", TensorProto.FLOAT, None)])
    condition = numpy_helper.from_array(np.array(True), "c")
    choose = helper.make_node("If", ["c"], ["Y"], then_branch=branch, else_branch=branch)
    for nodes in ([foreign], [choose]):
        with pytest.raises(ModelUnsupportedError, match=r"com.elsewhere.Conjure"):
            inspect_graph(saved(tmp_path / "m.onnx", nodes, weights=[condition]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": [1, 3]}, "exactly 1 rows"),
        ({"shape": [None, 3, 8, 8]}, "4 dimensions"),
        ({"element": TensorProto.INT64}, "takes int64, and does not give one array of scores"),
    ],
)
def test_inputs_other_than_rows_of_features_are_not_supported(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    node = helper.make_node("Cast", ["X"], ["Y"], to=TensorProto.FLOAT)
    with pytest.raises(ModelUnsupportedError, match=words):
        inspect_graph(saved(tmp_path / "m.onnx", [node], weights=[], **changes))


@pytest.mark.parametrize("content", [b"", b"hello, this is no model", b"\x08\x08\x12\x05abc"])
def test_other_bytes_are_not_a_model(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelInvalidError):
        inspect_graph(tmp_path / "m.onnx")


def test_an_operator_that_is_built_into_the_runtime_is_taken(tmp_path: Path) -> None:
    gelu = helper.make_node("Gelu", ["X"], ["Y"], domain="com.microsoft")
    assert inspect_graph(saved(tmp_path / "m.onnx", [gelu])).feature_count == 3


def test_the_label_of_plain_scores_is_the_largest(tmp_path: Path) -> None:
    session = open_session(saved(tmp_path / "m.onnx", [product()]), threads=1)
    rows = np.array([[1, 9, 0], [0, 0, 2]], dtype=np.float32)
    found = session.predictions(rows, task=Task.CLASSIFICATION, classes=("a", "b", "c"))
    assert found.labels is not None
    assert found.labels.tolist() == [1, 2]
    assert not found.are_probabilities
    np.testing.assert_array_equal(session.call(Output.SCORES)(rows), rows)


def test_a_map_from_class_to_score_is_read_in_the_order_of_the_classes(tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    model = LogisticRegression().fit(rows, np.where(rows[:, 0] > 0, "yes", "no"))
    path = tmp_path / "m.onnx"
    path.write_bytes(to_onnx(model, rows[:1]).SerializeToString())
    assert inspect_graph(path).classes == ("no", "yes")
    found = open_session(path, threads=1).predictions(rows, task=Task.CLASSIFICATION, classes=("no", "yes"))
    np.testing.assert_allclose(found.scores, model.predict_proba(rows), atol=1e-6)  # type: ignore[arg-type]  # has some
