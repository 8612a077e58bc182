"""Multi-layer perceptrons of scikit-learn with fewer weights, or with fewer hidden units."""

from collections.abc import Callable, Sequence

import numpy as np

from mltest.coordinator.builder.surgery.ensembles import refusal, with_final
from mltest.coordinator.builder.surgery.network_weights import kept_units, require_fewer, without_smallest
from mltest.shared.native.outputs import Estimator, final_estimator


def prune_weights(estimator: Estimator, keep: str, *, converter: str) -> Estimator:
    """Return a copy of `estimator` whose smallest weights are 0; biases stay.

    Raises:
        ConversionError: it is no perceptron, or has no more weights than are to be kept.

    """
    coefficients = _perceptron(estimator, converter).coefs_
    return _with_layers(
        estimator, lambda final: _set_coefficients(final, without_smallest(coefficients, keep, converter=converter))
    )


def prune_units(estimator: Estimator, keep: str, *, converter: str) -> Estimator:
    """Return a copy of `estimator` with the units of each hidden layer that weigh most; nothing else changes.

    Raises:
        ConversionError: it is no perceptron, or no hidden layer has more units than are to be kept.

    """
    final = _perceptron(estimator, converter)
    coefficients, biases = list(final.coefs_), list(final.intercepts_)
    widths = [len(bias) for bias in biases[:-1]]
    for layer in range(len(widths)):
        incoming = np.vstack([coefficients[layer], biases[layer]]).T
        kept = kept_units(incoming, coefficients[layer + 1], keep)
        coefficients[layer] = np.ascontiguousarray(coefficients[layer][:, kept])
        biases[layer] = biases[layer][kept]
        coefficients[layer + 1] = np.ascontiguousarray(coefficients[layer + 1][kept])
    left = [len(bias) for bias in biases[:-1]]
    require_fewer(left, widths, keep, converter=converter)

    def change(copied: Estimator) -> None:
        _set_coefficients(copied, coefficients)
        copied.intercepts_ = biases
        copied.hidden_layer_sizes = tuple(left)

    return _with_layers(estimator, change)


def _perceptron(estimator: Estimator, converter: str) -> Estimator:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    final = final_estimator(estimator)
    if not isinstance(final, MLPClassifier | MLPRegressor):
        raise refusal(converter, final, "multi-layer perceptrons")
    return final


def _set_coefficients(final: Estimator, coefficients: Sequence[object]) -> None:
    final.coefs_ = list(coefficients)


def _with_layers(estimator: Estimator, change: Callable[[Estimator], None]) -> Estimator:
    def changed(final: Estimator) -> None:
        change(final)
        # It has a momentum for each weight as it was; training that goes on makes a new one.
        if hasattr(final, "_optimizer"):
            del final._optimizer

    return with_final(estimator, changed)
