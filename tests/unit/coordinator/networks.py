"""Small networks as ONNX files, and what a test of the model sees of one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.opened_model import opened_graph
from mltest.shared.domain import DatasetInfo

Floats = NDArray[np.float64]


@dataclass
class Graph:
    """Collects nodes with random weights; `value` is what the last one gives."""

    random: np.random.Generator
    value: str = "x"
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def held(self, values: ArrayLike, dtype: type = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def drawn(self, *shape: int) -> str:
        return self.held(self.random.normal(size=shape) / np.sqrt(max(prod(shape[1:]), 1)))

    def add(self, operator: str, *more: str, before: Sequence[str] = (), **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [*before, self.value, *more], [name], **attributes))
        self.value = name
        return name

    def dense(self, inputs: int, outputs: int) -> str:
        return self.add("Gemm", self.drawn(outputs, inputs), self.drawn(outputs), transB=1)

    def shaped(self, *shape: int) -> str:
        return self.add("Reshape", self.held([-1, *shape], np.int64))

    def model(self, features: int, outputs: int) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", features])],
            [helper.make_tensor_value_info(self.value, TensorProto.FLOAT, ["rows", outputs])],
            self.weights,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(made, full_check=True)
        return made


def perceptron(random: np.random.Generator, widths: Sequence[int], bend: str = "Relu") -> onnx.ModelProto:
    graph = Graph(random)
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        if number:
            graph.add(bend)
        graph.dense(inputs, outputs)
    return graph.model(widths[0], widths[-1])


def convolutional(random: np.random.Generator, *, pool: str = "MaxPool", softmax: bool = False) -> onnx.ModelProto:
    """Return a network of 8 x 8 pixels with a pool, a branch around a convolution, and 3 classes."""
    graph = Graph(random)
    graph.shaped(1, 8, 8)
    graph.add("Conv", graph.drawn(4, 1, 3, 3), graph.drawn(4), pads=[1, 1, 1, 1])
    names = [graph.held(random.uniform(0.5, 1.5, 4)), graph.drawn(4), graph.drawn(4), graph.held(np.ones(4))]
    graph.add("BatchNormalization", *names)
    graph.add("Relu")
    before = graph.add(pool, kernel_shape=[2, 2], strides=[2, 2])
    graph.add("Conv", graph.drawn(4, 2, 3, 3), pads=[1, 1, 1, 1], group=2)
    graph.add("Relu")
    graph.add("Add", before)
    graph.add("Flatten")
    graph.dense(64, 3)
    if softmax:
        graph.add("Softmax", axis=1)
    return graph.model(64, 3)


def graph_evidence(model: onnx.ModelProto, rows: ArrayLike, truth: ArrayLike | None, folder: Path) -> ModelEvidence:
    """Return the evidence of an ONNX file; without `truth`, what it says of `rows` is right."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    values = np.asarray(rows, dtype=np.float32)
    # Scores are those of classes where there are labels.
    given = np.zeros(len(values), dtype=np.int64) if truth is None else np.asarray(truth)
    opened = opened_graph(path, RawData(rows=values, truth=given))
    reference = opened.predict(values)
    return ModelEvidence(
        model=opened.info,
        dataset=DatasetInfo(
            row_count=len(values),
            source_row_count=len(values),
            feature_count=values.shape[1],
            dtype="float32",
            has_target=True,
            sha256="",
            sample_seed=0,
        ),
        path=path,
        native=None,
        rows=values,
        truth=reference.labels if truth is None else given,
        reference=reference,
        predict=opened.predict,
    )
