"""Reads perceptrons of scikit-learn, behind scalers, as programs."""

from typing import Any

import numpy as np

from mltest.coordinator.builder.networks.operators import Affine, Bend, Curve, Dense, Relu, Scale
from mltest.coordinator.builder.networks.program import Program, Step, program_of
from mltest.coordinator.builder.networks.refusal import READER, unread
from mltest.coordinator.builder.scaling import scale_of, steps_and_final
from mltest.shared.native.outputs import NativeModel

_CURVES: dict[str, Bend | None] = {
    "identity": None,
    "relu": Relu(),
    "tanh": Curve("tanh"),
    "logistic": Curve("sigmoid"),
}


def perceptron_program(native: NativeModel) -> Program:
    """Return the program of a classifier; what a step before it does has to be scaling.

    Raises:
        ConversionError: it has what is not known here.

    """
    steps, final = steps_and_final(native.estimator)
    if not hasattr(final, "coefs_") or final.activation not in _CURVES:
        raise unread(f"{type(final).__name__} is no perceptron that is known here")
    scales = [scale_of(step, native.feature_count, READER) for step in steps]
    chain: list[Affine | Bend] = [Scale(one.factor, one.shift - one.centre * one.factor) for one in scales]
    for index, (weights, shift) in enumerate(zip(final.coefs_, final.intercepts_, strict=True)):
        chain.append(Dense(np.asarray(weights, dtype=np.float64), np.asarray(shift, dtype=np.float64)))
        bend = _CURVES[final.activation]
        if bend is not None and index < len(final.coefs_) - 1:
            chain.append(bend)
    chain += _decision(final)
    unit = 2.0**-53 if all(weights.dtype == np.float64 for weights in final.coefs_) else 2.0**-24
    made = [Step(operator, (number,)) for number, operator in enumerate(chain)]
    try:
        return program_of(native.feature_count, made, unit=unit)
    except ValueError as error:
        raise unread(f"its weights do not fit together ({error})") from error


def _decision(final: Any) -> list[Affine | Bend]:
    """Return what makes two scores, 0 and the logit, where there is one output for two classes."""
    is_single = final.out_activation_ == "logistic" and final.coefs_[-1].shape[1] == 1
    return [Dense(np.array([[0.0, 1.0]]), np.zeros(2))] if is_single else []
