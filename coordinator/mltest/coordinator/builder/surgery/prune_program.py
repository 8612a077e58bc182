"""Exported programs of PyTorch with fewer weights, or with fewer units in hidden layers."""

import re
from pathlib import Path

import numpy as np

from mltest.coordinator.builder.surgery.network_weights import kept_units, require_fewer, without_smallest
from mltest.coordinator.builder.surgery.program_parts import Node, ProgramGraph, all_tensors, given_tensor, operator

_LAYERS = re.compile(r"linear|addmm|mm|matmul|conv\w*|_convolution")
_ELEMENTWISE = frozenset(
    (
        *("relu", "relu_", "gelu", "tanh", "sigmoid", "silu", "silu_", "leaky_relu", "leaky_relu_", "elu", "elu_"),
        *("selu", "selu_", "celu", "softplus", "softsign", "hardtanh", "hardtanh_", "relu6", "hardswish"),
        *("hardswish_", "hardsigmoid", "mish", "dropout", "clone", "alias", "detach"),
    )
)
"""Operators of one tensor that answer for each number of it by that number alone."""


def prune_weights(program: Path, keep: str, target: Path, *, converter: str) -> None:
    """Write the program with the smallest weights of its layers as 0; biases stay.

    Raises:
        ConversionError: it has no layer of weights, or no more weights than are to be kept.

    """
    graph = ProgramGraph(program)
    layers = [node for node in graph.nodes if _LAYERS.fullmatch(operator(node))]
    names = [name for node in layers for name in all_tensors(node) if graph.is_matrix(name)]
    pruned = without_smallest([graph.array(name) for name in names], keep, converter=converter)
    for name, weights in zip(names, pruned, strict=True):
        graph.put(name, weights)
    graph.write(target)


def prune_units(program: Path, keep: str, target: Path, *, converter: str) -> None:
    """Write the program with the units of each hidden layer that weigh most.

    Raises:
        ConversionError: it has no hidden layer of its own between two layers, or none with more units than that.

    """
    graph, widths, left = ProgramGraph(program), [], []
    for node in graph.nodes:
        if (between := _between(graph, node)) is None:
            continue
        reader = graph.only_reader(between[-1])
        assert reader is not None
        (_, weight, *bias), second = all_tensors(node), all_tensors(reader)[1]
        parts = [graph.array(name) for name in (weight, *bias)]
        incoming = np.column_stack([part.reshape(len(parts[0]), -1) for part in parts])
        kept = kept_units(incoming, graph.array(second).T, keep)
        widths.append(len(incoming))
        left.append(len(kept))
        for name, part in zip((weight, *bias), parts, strict=True):
            graph.put(name, part[kept])
        graph.put(second, graph.array(second)[:, kept])
        for name in between:
            graph.narrow(name, len(kept))
    require_fewer(left, widths, keep, converter=converter)
    graph.write(target)


def _between(graph: ProgramGraph, first: Node) -> list[str] | None:
    """Return what lies between the linear layer `first` and the next one, if nobody else sees its units."""
    if not _is_linear(graph, first):
        return None
    between = [given_tensor(first)]
    while (node := graph.only_reader(between[-1])) is not None:
        if _is_linear(graph, node):
            return between if all_tensors(node)[0] == between[-1] else None
        if operator(node) not in _ELEMENTWISE or len(all_tensors(node)) != 1 or not given_tensor(node):
            return None
        between.append(given_tensor(node))
    return None


def _is_linear(graph: ProgramGraph, node: Node) -> bool:
    """Return whether weight and bias of the layer are its own."""
    if operator(node) != "linear" or not given_tensor(node):
        return False
    _, weight, *bias = all_tensors(node)
    return graph.is_matrix(weight) and all(graph.is_own(name) for name in bias)
