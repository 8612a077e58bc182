"""Reads multi-layer perceptrons of scikit-learn; in the builder's child only."""

from typing import Any

import numpy as np

from mltest.coordinator.builder.c_source.network.form import Curve, Ending, Layer, Link, Network, whole
from mltest.coordinator.builder.c_source.network.read_scaling import scalings_of
from mltest.coordinator.builder.c_source.network.refusal import refusal
from mltest.shared.native.outputs import NativeModel

_CURVES = {"identity": Curve.IDENTITY, "relu": Curve.RELU, "tanh": Curve.TANH, "logistic": Curve.LOGISTIC}
_LINKS = {"identity": Link.IDENTITY, "logistic": Link.LOGISTIC, "softmax": Link.SOFTMAX}


def perceptron_network(steps: list[Any], final: Any, native: NativeModel) -> Network:
    """Return a layer for each matrix of `final`, behind the scalers `steps`.

    Raises:
        ConversionError: it has a curve that no printer knows, or steps that are more than scaling.

    """
    for name, known in ((final.activation, _CURVES), (final.out_activation_, _LINKS)):
        if name not in known:
            raise refusal(f"it has no function {str(name)[:40]}; it has {', '.join(known)}")
    scalings = scalings_of(steps, native.feature_count)
    matrices, shifts = _checked(final, native.feature_count)
    hidden = len(matrices) - 1
    layers = tuple(
        Layer(
            input_count=len(matrix),
            pieces=whole(tuple(map(tuple, matrix.T.tolist()))),
            bias=tuple(shift.tolist()),
            curve=_CURVES[final.activation] if index < hidden else Curve.IDENTITY,
        )
        for index, (matrix, shift) in enumerate(zip(matrices, shifts, strict=True))
    )
    return Network(
        feature_count=native.feature_count,
        input_type="float64",
        scalings=scalings,
        layers=layers,
        ending=Ending(output=native.output.value, link=_LINKS[final.out_activation_]),
    )


def _checked(final: Any, feature_count: int) -> tuple[list[Any], list[Any]]:
    """Return weights (inputs, outputs) and intercepts (outputs,) of each layer, which fit together."""
    matrices = [np.asarray(matrix, dtype=np.float64) for matrix in final.coefs_]
    shifts = [np.asarray(shift, dtype=np.float64) for shift in final.intercepts_]
    width = feature_count
    for matrix, shift in zip(matrices, shifts, strict=False):
        if matrix.ndim != 2 or matrix.shape[0] != width or shift.shape != matrix.shape[1:] or not matrix.size:
            raise refusal("its weights do not fit together")
        width = matrix.shape[1]
    if not matrices or len(matrices) != len(shifts):
        raise refusal("its weights do not fit together")
    return matrices, shifts
