"""The weights of a fitted linear estimator, tried against the estimator itself; runs in the builder's child."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.scaling import scale_of, steps_and_final
from mltest.shared.domain import Output, Task
from mltest.shared.errors import ConversionError
from mltest.shared.native.linear_form import LINKS, PROBABILITY_LINKS, LinearForm
from mltest.shared.native.outputs import NativeModel

_CONVERTER = "NumPy"
_TRIED_ROWS = 200
_TOLERANCE = 1e-6
"""Relative and absolute, of what folding a scaler into weights may change; far less than another link would."""


@dataclass(frozen=True, slots=True)
class _Affine:
    """What the steps before the model do to each feature: scale it, then shift it."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]


def linear_form_of(native: NativeModel) -> LinearForm:
    """Return the weights of a linear model, whose answers they reproduce.

    Raises:
        ConversionError: it is no linear model, or does more than a link of one matrix product.

    """
    steps, final = steps_and_final(native.estimator)
    affine = _affine(steps, native.feature_count)
    weights, intercept = weights_of(final, native.feature_count)
    folded = LinearForm(
        weights=affine.scale[:, None] * weights, intercept=intercept + affine.shift @ weights, link="identity"
    )
    rows = _rows_in_range(weights, affine)
    return LinearForm(weights=folded.weights, intercept=folded.intercept, link=_link(native, folded, rows))


def weights_of(final: Any, feature_count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (features, outputs) and intercept (outputs,) of the estimator behind all scalers.

    Raises:
        ConversionError: it has none, or not as many as features.

    """
    try:
        found, intercept = final.coef_, final.intercept_
    except AttributeError as error:
        detail = f"{type(final).__name__} is not linear: it has no weights of its features"
        raise ConversionError(converter=_CONVERTER, detail=detail) from error
    dense = found.toarray() if hasattr(found, "toarray") else found
    weights = np.atleast_2d(np.asarray(dense, dtype=np.float64)).T
    if weights.shape[0] != feature_count:
        detail = f"{type(final).__name__} has {weights.shape[0]} weights for {feature_count} features"
        raise ConversionError(converter=_CONVERTER, detail=detail)
    offsets = np.asarray(intercept, dtype=np.float64).reshape(-1)
    return weights, np.broadcast_to(offsets, weights.shape[1:]).copy()


def _affine(steps: list[Any], feature_count: int) -> _Affine:
    scale, shift = np.ones(feature_count), np.zeros(feature_count)
    for step in steps:
        one = scale_of(step, feature_count, _CONVERTER)
        scale, shift = scale * one.factor, (shift - one.centre) * one.factor + one.shift
    return _Affine(scale, shift)


def _rows_in_range(weights: NDArray[np.float64], affine: _Affine) -> NDArray[np.float64]:
    """Return rows (rows, features) whose scores are of the order of 1, so that links differ on them."""
    largest = np.abs(weights).max(axis=1)
    drawn = np.random.default_rng(0).normal(size=(_TRIED_ROWS, len(weights)))
    scaled = drawn / np.where(largest > 0, largest, 1) / np.sqrt(len(weights))
    rows: NDArray[np.float64] = (scaled - affine.shift) / np.where(affine.scale == 0, 1, affine.scale)
    return rows


def _link(native: NativeModel, form: LinearForm, rows: NDArray[np.float64]) -> str:
    """Return the first link with which `form` answers as the estimator does."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # It may have been fitted on named columns.
        warnings.simplefilter("ignore")
        truth = native.predictions(rows).scores
        scores = rows @ form.weights + form.intercept
        for link in _possible_links(native, form.weights.shape[1]):
            answers = LINKS[link](scores)
            if truth is not None and _is_same(answers, truth):
                return link
    kind = type(native.estimator).__name__
    detail = f"{kind} answers with more than one matrix product and a link ({', '.join(LINKS)})"
    raise ConversionError(converter=_CONVERTER, detail=detail)


def _is_same(answers: NDArray[np.float64], truth: NDArray[np.float64]) -> bool:
    return answers.shape == truth.shape and np.allclose(answers, truth, rtol=_TOLERANCE, atol=_TOLERANCE)


def _possible_links(native: NativeModel, output_count: int) -> tuple[str, ...]:
    if native.task is Task.REGRESSION:
        return ("identity", "exponential")
    if native.output is Output.LABELS:
        return ("identity", "logistic") if output_count == 1 else ("identity",)
    return tuple(link for link in PROBABILITY_LINKS if (link == "logistic") == (output_count == 1))
