"""Chains of matrix products and curves as graphs of LiteRT; in the builder's child only."""

from collections.abc import Sequence

import numpy as np

from mltest.coordinator.builder.c_source.network.form import Curve, Layer, Link, Network, Product, Scaling
from mltest.coordinator.builder.litert.graph import Code, Graph, Numbers
from mltest.coordinator.builder.litert.refusal import refusal

_CURVES = {Curve.RELU: Code.RELU, Curve.TANH: Code.TANH, Curve.LOGISTIC: Code.LOGISTIC}
_LINKS = (Link.IDENTITY, Link.LOGISTIC, Link.SOFTMAX)
_MAX_BYTES = (1 << 31) - (1 << 24)
"""Of all weights: positions in a FlatBuffer have 31 bits."""


def network_graph(network: Network, *, has_labels: bool) -> Graph:
    """Return the graph of `network`; where `has_labels`, the class with the largest score is its label.

    Raises:
        ConversionError: it is more than scalers, dense layers and the usual curves.

    """
    link = network.ending.link
    if link not in _LINKS or network.ending.votes is not None:
        raise refusal(f"it writes no {link.value} behind the last layer")
    if has_labels and network.sum_count == 1 and link is not Link.LOGISTIC:
        raise refusal("the model gives one score for two classes, and its label only by a threshold")
    if link is Link.LOGISTIC and network.sum_count != 1:
        raise refusal("it writes two probabilities for one sum, and this network has several")
    if 4 * network.weight_count > _MAX_BYTES:
        raise refusal(f"its {network.weight_count} weights are too large for one file (2 GiB)")
    graph = Graph(network.feature_count)
    for scaling in network.scalings:
        _add_scaling(graph, scaling)
    for layer in network.layers[:-1]:
        _add_layer(graph, layer)
    _add_layer(graph, network.layers[-1], is_mirrored=link is Link.LOGISTIC)
    if link is not Link.IDENTITY:
        width = 2 if link is Link.LOGISTIC else network.sum_count
        graph.add(Code.LOGISTIC if link is Link.LOGISTIC else Code.SOFTMAX, width)
    return graph


def _add_scaling(graph: Graph, scaling: Scaling) -> None:
    """Append what of `(value - centre) * factor + shift` changes anything."""
    steps = ((Code.SUB, scaling.centre, 0.0), (Code.MUL, scaling.factor, 1.0), (Code.ADD, scaling.shift, 0.0))
    for code, values, neutral in steps:
        if any(value != neutral for value in values):
            graph.add(code, graph.width, [_single(values)])


def _add_layer(graph: Graph, layer: Layer, *, is_mirrored: bool = False) -> None:
    """Append a product and its curve; mirrored it gives -sum and sum, whose logistic functions are 1 - p and p."""
    if layer.product is not Product.DOT or (layer.factor, layer.offset) != (1.0, 0.0) or len(layer.pieces) != 1:
        raise refusal("it writes products of rows and weights only")
    if layer.curve is not Curve.IDENTITY and layer.curve not in _CURVES:
        raise refusal(f"it has no operator for the function {layer.curve.value}")
    weights = _single(layer.pieces[0].weights)
    bias = _single(layer.bias) if layer.bias else np.zeros(len(weights), dtype=np.float32)
    if is_mirrored:
        weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
    graph.add(Code.FULLY_CONNECTED, len(weights), [weights, bias])
    if layer.curve is not Curve.IDENTITY:
        graph.add(_CURVES[layer.curve], len(weights))


def _single(values: Sequence[float] | Sequence[Sequence[float]]) -> Numbers:
    with np.errstate(over="ignore"):
        found = np.array(values, dtype=np.float64).astype(np.float32)
    if not np.isfinite(found).all():
        raise refusal("a weight of it is too large for float32")
    return found
