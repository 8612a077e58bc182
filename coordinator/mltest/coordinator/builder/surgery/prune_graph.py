"""Networks in ONNX with fewer weights, or with fewer units in hidden layers of matrix products."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.quantisation.weights import LAYERS, lift_constants
from mltest.coordinator.builder.surgery.network_weights import kept_units, require_fewer, without_smallest

_PRODUCTS = ("Gemm", "MatMul")
_ELEMENTWISE = frozenset(
    (
        *("Relu", "Tanh", "Sigmoid", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Softplus", "Softsign", "Clip"),
        *("HardSigmoid", "HardSwish", "Mish", "ThresholdedRelu", "Identity", "Dropout"),
    )
)
"""Operators that answer for each unit by that unit alone, with numbers of their own that all units share."""


def prune_weights(graph_file: Path, keep: str, target: Path, *, converter: str) -> None:
    """Write the graph with the smallest weights of its layers as 0; biases stay.

    Raises:
        ConversionError: it has no layer of weights, or no more weights than are to be kept.

    """
    graph = _Graph(graph_file)
    names = [name for name in dict.fromkeys(graph.weight_names()) if graph.is_matrix(name)]
    pruned = without_smallest([graph.array(name) for name in names], keep, converter=converter)
    for name, weights in zip(names, pruned, strict=True):
        graph.put(name, weights)
    graph.write(target)


def prune_units(graph_file: Path, keep: str, target: Path, *, converter: str) -> None:
    """Write the graph with the units of each hidden layer that weigh most.

    Raises:
        ConversionError: it has no hidden layer of its own between two products, or none with more units than that.

    """
    graph, widths, left = _Graph(graph_file), [], []
    for pair in graph.pairs():
        incoming, outgoing = pair.incoming(graph), pair.outgoing(graph)
        kept = kept_units(incoming, outgoing, keep)
        widths.append(len(incoming))
        left.append(len(kept))
        pair.keep(graph, kept)
    require_fewer(left, widths, keep, converter=converter)
    graph.write(target)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A product, and the one that takes what an activation makes of it."""

    first: Any
    biases: tuple[str, ...]
    """Of the first one: one number for each unit, or one for all."""
    second: Any

    def incoming(self, graph: "_Graph") -> NDArray[np.floating]:
        """Return the weights (units, inputs) of the first one with its biases as further inputs."""
        weights = graph.array(self.first.input[1])
        rows = weights if _transposed(self.first) else weights.T
        biases = [np.broadcast_to(graph.array(name).reshape(-1), len(rows)) for name in self.biases]
        return np.column_stack([rows, *biases])

    def outgoing(self, graph: "_Graph") -> NDArray[np.floating]:
        """Return the weights (units, outputs) of the second one."""
        weights = graph.array(self.second.input[1])
        return weights.T if _transposed(self.second) else weights

    def keep(self, graph: "_Graph", kept: NDArray[np.intp]) -> None:
        """Leave those units of both."""
        for name, axis in ((self.first.input[1], -1), (self.second.input[1], 0)):
            node = self.first if axis else self.second
            taken = -1 - axis if _transposed(node) else axis
            graph.put(name, np.take(graph.array(name), kept, axis=taken))
        for name in self.biases:
            if graph.array(name).size > 1:
                graph.put(name, np.take(graph.array(name), kept, axis=-1))


class _Graph:
    """A graph of ONNX, whose constants are initialisers."""

    def __init__(self, path: Path) -> None:
        import onnx

        self._model = onnx.load_from_string(path.read_bytes())
        lift_constants(self._model.graph)
        self._graph = self._model.graph
        self._tensors = {tensor.name: tensor for tensor in self._graph.initializer}
        self._readers: dict[str, list[Any]] = {}
        for node in self._graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._outputs = {output.name for output in self._graph.output}

    def weight_names(self) -> Iterator[str]:
        """Yield the initialisers that layers take as weights."""
        for node in self._graph.node:
            if node.op_type in LAYERS and not node.domain:
                yield from (name for name in node.input[:2] if name in self._tensors)

    def is_matrix(self, name: str) -> bool:
        """Return whether it holds real numbers in two dimensions or more."""
        return len(self._tensors[name].dims) > 1 and self.array(name).dtype.kind == "f"

    def array(self, name: str) -> NDArray[np.floating]:
        """Return the numbers of an initialiser."""
        from onnx import numpy_helper

        found: NDArray[np.floating] = numpy_helper.to_array(self._tensors[name])
        return found

    def put(self, name: str, values: NDArray[np.floating]) -> None:
        """Set the numbers of an initialiser."""
        from onnx import numpy_helper

        self._tensors[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))

    def pairs(self) -> Iterator[_Pair]:
        """Yield every pair whose units nobody else sees."""
        for node in self._graph.node:
            if self._is_product(node) and (found := self._pair(node)) is not None:
                yield found

    def write(self, target: Path) -> None:
        """Write it; shapes in between are said anew by whoever opens it."""
        del self._graph.value_info[:]
        target.write_bytes(self._model.SerializeToString(deterministic=True))

    def _pair(self, first: Any) -> _Pair | None:
        biases = list(first.input[2:3])
        node, found = first, self._only_reader(first)
        while found is not None and not (self._is_product(found) and found.input[0] == node.output[0]):
            if found.op_type == "Add" and (bias := self._bias(found, node.output[0])):
                biases.append(bias)
            elif found.op_type not in _ELEMENTWISE or found.input[0] != node.output[0]:
                return None
            node, found = found, self._only_reader(found)
        if found is None or not all(self._is_own(name) for name in biases):
            return None
        return _Pair(first, tuple(biases), found)

    def _only_reader(self, node: Any) -> Any | None:
        readers = self._readers.get(node.output[0], [])
        return readers[0] if len(readers) == 1 and node.output[0] not in self._outputs else None

    def _bias(self, add: Any, given: str) -> str:
        """Return the initialiser that is added to `given`, if it has one number for each unit or one for all."""
        others = [name for name in add.input if name != given]
        if len(others) != 1 or others[0] not in self._tensors:
            return ""
        dims = self._tensors[others[0]].dims
        return others[0] if all(size == 1 for size in dims[:-1]) and len(dims) < 3 else ""

    def _is_product(self, node: Any) -> bool:
        """Return whether it multiplies rows with a matrix that is its own."""
        if node.op_type not in _PRODUCTS or node.domain or not self._is_own(node.input[1]):
            return False
        dims = self._tensors[node.input[1]].dims
        return len(dims) == 2 and self.is_matrix(node.input[1]) and not _attribute(node, "transA")

    def _is_own(self, name: str) -> bool:
        return name in self._tensors and len(self._readers[name]) == 1


def _transposed(node: Any) -> bool:
    return bool(_attribute(node, "transB"))


def _attribute(node: Any, name: str) -> int:
    return next((int(one.i) for one in node.attribute if one.name == name), 0)
