"""Reads support vector machines of scikit-learn's libsvm; in the builder's child only.

The first layer is the kernel with each support vector. In the second, each class has a piece: what its support vectors
say against each other class. A linear kernel is multiplied out, so that each pair of classes has one row of weights.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.network.form import (
    Curve,
    Ending,
    Layer,
    Network,
    Piece,
    Product,
    Votes,
    whole,
)
from mltest.coordinator.builder.c_source.network.read_scaling import scalings_of
from mltest.coordinator.builder.c_source.network.refusal import refusal
from mltest.shared.domain import Task
from mltest.shared.native.outputs import NativeModel

Numbers = NDArray[np.float64]
_KERNELS = ("linear", "rbf", "poly", "sigmoid")


def kernel_network(steps: list[Any], final: Any, native: NativeModel) -> Network:
    """Return the layers of `final`, behind the scalers `steps`.

    Raises:
        ConversionError: its kernel is a function of Python or a matrix, or its arrays do not fit together.

    """
    if final.kernel not in _KERNELS:
        name = final.kernel[:40] if isinstance(final.kernel, str) else "a function of Python"
        raise refusal(f"its kernel is {name}; it has linear, rbf, poly and sigmoid")
    is_classifier, scalings = native.task is Task.CLASSIFICATION, scalings_of(steps, native.feature_count)
    machine = _Machine(final, native.feature_count, len(native.classes) if is_classifier else 0)
    votes = machine.votes(final) if is_classifier else None
    return Network(
        feature_count=native.feature_count,
        input_type="float64",
        scalings=scalings,
        layers=machine.layers(final),
        ending=Ending(output=native.output.value, votes=votes),
    )


class _Machine:
    """The arrays of a machine, checked; of a regressor (`class_count` 0) those of two classes have the same form."""

    def __init__(self, final: Any, feature_count: int, class_count: int) -> None:
        self.class_count = class_count
        self.vectors = _dense(final.support_vectors_)
        self.coefficients = _dense(final._dual_coef_)
        self.intercepts = np.asarray(final._intercept_, dtype=np.float64).ravel()
        self.counts = [int(count) for count in final._n_support][: max(class_count, 1)]
        pair_count = class_count * (class_count - 1) // 2 or 1
        opponents = max(class_count - 1, 1)
        fits = (
            self.vectors.shape[1:] == (feature_count,)
            and self.coefficients.shape == (opponents, len(self.vectors))
            and self.intercepts.shape == (pair_count,)
            and (not class_count or (len(self.counts) == class_count and sum(self.counts) == len(self.vectors)))
        )
        if not fits:
            raise refusal("its support vectors do not fit together")
        if not len(self.vectors):
            raise refusal("it has no support vectors: it answers the same for every row")

    @property
    def is_one_sum(self) -> bool:
        """Whether there is one decision, or one value."""
        return self.class_count <= 2

    def layers(self, final: Any) -> tuple[Layer, ...]:
        if final.kernel == "linear":
            return (_linear(self.pair_weights(), self.intercepts, is_exact=True),)
        kernel = _kernel(final, self.vectors)
        if self.is_one_sum:
            return kernel, _linear(self.coefficients.T, self.intercepts, is_exact=True)
        return kernel, self._grouped()

    def votes(self, final: Any) -> Votes:
        slopes, offsets = (np.asarray(found, dtype=np.float64).ravel() for found in (final._probA, final._probB))
        has_probabilities = bool(getattr(final, "probability", False)) and len(slopes) == len(self.intercepts)
        against_rest = final.decision_function_shape == "ovr"
        return Votes(
            class_count=self.class_count,
            is_grouped=final.kernel != "linear" and not self.is_one_sum,
            against_rest=against_rest,
            breaks_ties=bool(final.break_ties) and against_rest and not self.is_one_sum,
            slopes=tuple(slopes.tolist()) if has_probabilities and len(offsets) == len(slopes) else (),
            offsets=tuple(offsets.tolist()) if has_probabilities and len(offsets) == len(slopes) else (),
        )

    def pair_weights(self) -> Numbers:
        """Return the weights (features, pairs) of a linear kernel."""
        if self.is_one_sum:
            return (self.coefficients @ self.vectors).T
        said = [self.coefficients[:, part] @ self.vectors[part] for part in self._parts()]
        pairs = [said[i][j - 1] + said[j][i] for i, j in _pairs(self.class_count)]
        return np.array(pairs).T

    def _grouped(self) -> Layer:
        """Return the layer with a piece of `class_count - 1` outputs for each class."""
        opponents = self.class_count - 1
        bias = np.zeros(self.class_count * opponents)
        for pair, (i, j) in enumerate(_pairs(self.class_count)):
            bias[i * opponents + j - 1] = self.intercepts[pair]
        pieces = tuple(
            Piece(
                first_input=part.start,
                first_output=index * opponents,
                weights=tuple(map(tuple, self.coefficients[:, part].tolist())),
            )
            for index, part in enumerate(self._parts())
        )
        return Layer(input_count=len(self.vectors), pieces=pieces, bias=tuple(bias.tolist()), is_exact=True)

    def _parts(self) -> list[slice]:
        ends = np.cumsum(self.counts).tolist()
        return [slice(end - count, end) for count, end in zip(self.counts, ends, strict=True)]


def _dense(found: Any) -> Numbers:
    return np.atleast_2d(np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64))


def _pairs(class_count: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(class_count) for j in range(i + 1, class_count)]


def _linear(weights: Numbers, bias: Numbers, *, is_exact: bool) -> Layer:
    """Return a layer of `weights` (inputs, outputs)."""
    return Layer(
        input_count=len(weights),
        pieces=whole(tuple(map(tuple, weights.T.tolist()))),
        bias=tuple(bias.tolist()),
        is_exact=is_exact,
    )


def _kernel(final: Any, vectors: Numbers) -> Layer:
    """Return the kernel with each of `vectors` (vectors, features)."""
    plain = Layer(
        input_count=vectors.shape[1],
        pieces=whole(tuple(map(tuple, vectors.tolist()))),
        factor=float(final._gamma),
        offset=float(final.coef0),
    )
    if final.kernel == "rbf":
        return replace(plain, product=Product.DISTANCE, curve=Curve.EXPONENTIAL, factor=-plain.factor, offset=0.0)
    if final.kernel == "sigmoid":
        return replace(plain, curve=Curve.TANH)
    return replace(plain, curve=Curve.POWER, degree=int(final.degree))
