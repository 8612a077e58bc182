"""Reads ONNX networks that are one chain of matrix products and curves; in the builder's child only."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.network.form import Curve, Ending, Layer, Link, Network, Scaling, whole
from mltest.coordinator.builder.c_source.network.graph_chain import Step, chain_of
from mltest.coordinator.builder.c_source.network.refusal import refusal
from mltest.shared.domain import ModelInfo

Numbers = NDArray[np.float64]
_CURVES = {"Relu": Curve.RELU, "Tanh": Curve.TANH, "Sigmoid": Curve.LOGISTIC}
_SILENT = ("Identity", "Dropout", "Flatten", "Cast")
"""Operators that leave a row as it is; what a Cast rounds to is left to the gate."""


def graph_network(content: bytes, info: ModelInfo) -> Network:
    """Return the layers of an ONNX file.

    Raises:
        ConversionError: it is no such chain; the operator that is in the way is named.

    """
    chain = chain_of(content)
    built = _Built(info.feature_count)
    for step in chain.steps:
        built.add(step)
    if not built.layers:
        raise refusal("it has no matrix of weights")
    return Network(
        feature_count=info.feature_count,
        input_type=chain.input_type,
        scalings=tuple(built.scalings),
        layers=tuple(built.layers),
        ending=Ending(output=info.output.value, link=built.link),
    )


class _Built:
    """What the steps so far are; those before the first matrix scale the features."""

    def __init__(self, feature_count: int) -> None:
        self.width = feature_count
        self.scalings: list[Scaling] = []
        self.layers: list[Layer] = []
        self.link = Link.IDENTITY

    def add(self, step: Step) -> None:
        if step.name in _SILENT:
            return
        if self.link is not Link.IDENTITY:
            raise refusal(f"the operator {step.name[:40]} stands behind its probabilities")
        if step.name in ("Gemm", "MatMul"):
            self._add_matrix(step)
        elif step.name in ("Add", "Sub", "Mul", "Div", "Scaler"):
            self._scale(*_affine(step, self.width), name=step.name)
        elif step.name in _CURVES:
            self._bend(_CURVES[step.name], step.name)
        elif step.name == "Softmax" and step.numbers.get("axis", -1) in (-1, 1):
            self.link = Link.SOFTMAX
        elif step.name == "Complement":
            self._complement()
        else:
            raise refusal(f"it knows no operator {step.name[:40]} in a network")

    def _add_matrix(self, step: Step) -> None:
        weights, *bias = step.constants
        if step.name == "Gemm":
            if step.numbers.get("transA", 0):
                raise refusal("it knows no Gemm of turned rows")
            weights = weights.T if step.numbers.get("transB", 0) else weights
            weights = weights * step.numbers.get("alpha", 1.0)
            bias = [found * step.numbers.get("beta", 1.0) for found in bias]
        if weights.ndim != 2 or weights.shape[0] != self.width or not weights.size:
            raise refusal("its weights do not fit together")
        self.width = weights.shape[1]
        shift = _row(bias[0], self.width) if bias else np.zeros(self.width)
        self.layers.append(_layer(weights, shift))

    def _scale(self, factor: Numbers, shift: Numbers, *, name: str) -> None:
        """Scale the features, or what the last layer gives."""
        if not self.layers:
            centre = tuple(np.zeros(self.width).tolist())
            self.scalings.append(Scaling(centre=centre, factor=tuple(factor.tolist()), shift=tuple(shift.tolist())))
            return
        layer = self.layers[-1]
        if layer.curve is not Curve.IDENTITY:
            raise refusal(f"it knows no {name} behind a curve")
        (piece,) = layer.pieces
        weights, bias = np.array(piece.weights).T, np.array(layer.bias)
        self.layers[-1] = _layer(weights * factor, bias * factor + shift)

    def _bend(self, curve: Curve, name: str) -> None:
        if not self.layers or self.layers[-1].curve is not Curve.IDENTITY:
            raise refusal(f"it knows {name} only behind a matrix of weights")
        self.layers[-1] = replace(self.layers[-1], curve=curve)

    def _complement(self) -> None:
        """Make two probabilities of one: behind a sigmoid, 1 - p and p."""
        if not self.layers or self.layers[-1].curve is not Curve.LOGISTIC or self.width != 1:
            raise refusal("it knows Concat only of 1 - p and p behind a sigmoid")
        self.layers[-1] = replace(self.layers[-1], curve=Curve.IDENTITY)
        self.link = Link.LOGISTIC


def _layer(weights: Numbers, bias: Numbers) -> Layer:
    pieces = whole(tuple(map(tuple, weights.T.tolist())))
    return Layer(input_count=len(weights), pieces=pieces, bias=tuple(bias.tolist()))


def _affine(step: Step, width: int) -> tuple[Numbers, Numbers]:
    """Return factor and shift (width,) of an operator that does the same to every row."""
    if step.name == "Scaler":
        offset, scale = (_row(found, width) for found in step.constants)
        return scale, -offset * scale
    given = _row(step.constants[0], width)
    nothing, one = np.zeros(width), np.ones(width)
    if step.is_turned and step.name in ("Sub", "Div"):
        if step.name == "Div":
            raise refusal("it knows no Div by what a layer gives")
        return -one, given
    return {"Add": (one, given), "Sub": (one, -given), "Mul": (given, nothing), "Div": (1 / given, nothing)}[step.name]


def _row(found: Numbers, width: int) -> Numbers:
    if found.size not in (1, width) or found.ndim > 2 or (found.ndim == 2 and found.shape[0] != 1):
        raise refusal("a constant of it does not fit a row")
    return np.broadcast_to(found.ravel(), (width,)).astype(np.float64)
