"""ONNX networks of dense layers, as several tools write them."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mltest.coordinator.builder.exporters.onnx_export import onnx_bytes
from mltest.shared.native.outputs import describe_estimator

Rows: TypeAlias = NDArray[np.float32]
Truth: TypeAlias = NDArray[Any]
_WIDTH = 13
"""Features of the data on wine."""


def bent_graph(operator: str) -> bytes:
    """Return a layer with an operator behind it."""
    nodes = [helper.make_node("Gemm", ["X", "W0", "B0"], ["a"]), helper.make_node(operator, ["a"], ["Y"])]
    return _graph(nodes, _WIDTH, 3)


def meeting_graph() -> bytes:
    """Return two layers side by side that are added."""
    nodes = [
        helper.make_node("Gemm", ["X", "W0", "B0"], ["a"]),
        helper.make_node("Gemm", ["X", "W0", "B0"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["Y"]),
    ]
    return _graph(nodes, _WIDTH, 3)


def _sklearn(rows: Rows, truth: Truth) -> bytes:
    from sklearn.neural_network import MLPClassifier

    with warnings.catch_warnings():
        # So small a network need not converge.
        warnings.simplefilter("ignore")
        estimator = MLPClassifier((9,), activation="tanh", max_iter=40, random_state=0).fit(rows, truth)
    return onnx_bytes(describe_estimator(estimator))


def _logits(rows: Rows, truth: Truth) -> bytes:
    """Write layers as PyTorch does: Gemm with turned weights, and scores at the end."""
    nodes = [
        helper.make_node("Flatten", ["X"], ["flat"]),
        helper.make_node("Gemm", ["flat", "T0", "B0"], ["a"], transB=1, alpha=0.5, beta=2.0),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "W1"], ["c"]),
        helper.make_node("Add", ["c", "B1"], ["Y"]),
    ]
    return _graph(nodes, rows.shape[1], 3)


def _values(rows: Rows, truth: Truth) -> bytes:
    """Write a network of values behind a scaler, with curves that every tool has."""
    nodes = [
        helper.make_node("Sub", ["X", "B3"], ["a"]),
        helper.make_node("Div", ["a", "half"], ["b"]),
        helper.make_node("MatMul", ["b", "W0"], ["c"]),
        helper.make_node("Sigmoid", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "W1"], ["e"]),
        helper.make_node("Mul", ["e", "half"], ["Y"]),
    ]
    return _graph(nodes, rows.shape[1], 3, last_width=1)


def _graph(nodes: Sequence[Any], width: int, hidden: int, last_width: int = 3) -> bytes:
    random = np.random.default_rng(0)
    constants = {
        "W0": random.normal(size=(width, hidden)),
        "T0": random.normal(size=(hidden, width)),
        "B0": random.normal(size=hidden),
        "W1": random.normal(size=(hidden, last_width)),
        "B1": random.normal(size=(1, last_width)),
        "B3": random.normal(size=width),
        "half": np.array([0.5]),
    }
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        list(nodes),
        "network",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, last_width])],
        [numpy_helper.from_array(found.astype(np.float32), name) for name, found in constants.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


GRAPHS: dict[str, Callable[[Rows, Truth], bytes]] = {
    "probabilities, two classes": _sklearn,
    "probabilities, three classes": _sklearn,
    "scores": _logits,
    "values": _values,
}
"""By what a call answers."""
