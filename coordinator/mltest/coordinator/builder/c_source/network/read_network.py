"""Reads whatever is a chain of matrix products out of a submitted model; in the builder's child only."""

from dataclasses import replace
from math import isfinite

from mltest.coordinator.builder.c_source.network.form import Network
from mltest.coordinator.builder.c_source.network.refusal import refusal
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.scaling import steps_and_final
from mltest.shared.model_format import PT2
from mltest.shared.native.outputs import NativeModel


def read_network(source: ExportSource, *, folds: bool = True) -> Network:
    """Return the network of `source`, in float64; `folds` puts scalers into the weights where that gives the same.

    Raises:
        ConversionError: it is none, or has what no printer knows.

    """
    if source.native is None:
        from mltest.coordinator.builder.c_source.network.read_graph import graph_network

        network = graph_network(_graph_file(source), source.info)
    else:
        network = _fitted(source.native, folds=folds)
    if network.feature_count != source.info.feature_count:
        raise refusal(f"it has weights for {network.feature_count} features of {source.info.feature_count}")
    if not _is_finite(network):
        raise refusal("a weight of it is no finite number")
    return replace(network, ending=replace(network.ending, output=source.info.output.value))


def _graph_file(source: ExportSource) -> bytes:
    if source.info.format != PT2:
        return source.path.read_bytes()
    from mltest.coordinator.builder.torch_graph import torch_graph

    return torch_graph(source.path)


def _is_finite(network: Network) -> bool:
    weights = (row for layer in network.layers for piece in layer.pieces for row in piece.weights)
    others = (row for layer in network.layers for row in (layer.bias, (layer.factor, layer.offset)))
    scalings = (row for one in network.scalings for row in (one.centre, one.factor, one.shift))
    return all(all(map(isfinite, row)) for row in (*weights, *others, *scalings))


def _fitted(native: NativeModel, *, folds: bool) -> Network:
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.svm._base import BaseLibSVM

    steps, final = steps_and_final(native.estimator)
    if isinstance(final, BaseLibSVM):
        from mltest.coordinator.builder.c_source.network.read_kernels import kernel_network

        return kernel_network(steps, final, native)
    if isinstance(final, MLPClassifier | MLPRegressor):
        from mltest.coordinator.builder.c_source.network.read_perceptron import perceptron_network

        return perceptron_network(steps, final, native)
    from mltest.coordinator.builder.c_source.network.read_linear import linear_network

    return linear_network(native, folds=folds)
