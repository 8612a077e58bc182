"""Which weights of a network stay, by their magnitude alone: single ones, or hidden units as a whole."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.shared.errors import ConversionError

Weights = NDArray[np.floating]


def without_smallest(weights: Sequence[Weights], keep: str, *, converter: str) -> list[Weights]:
    """Return copies of `weights`, of all layers, of which the largest `keep` ("1/2", "1000") stay; the others are 0.

    Layers are not told apart: one that has small weights only loses more of them. Of equal ones the first stay.

    Raises:
        ConversionError: there are none, or no more than are to be kept.

    """
    sizes = np.concatenate([np.abs(one, dtype=np.float64).ravel() for one in weights] or [np.zeros(0)])
    if not sizes.size:
        raise ConversionError(converter=converter, detail="the model has no layer of weights")
    count = amount_of(keep, sizes.size)
    if count >= np.count_nonzero(sizes):
        detail = f"the model has {np.count_nonzero(sizes)} weights that are not 0, and {count} are to be kept"
        raise ConversionError(converter=converter, detail=detail)
    stays = np.zeros(sizes.size, dtype=bool)
    stays[np.argsort(-sizes, kind="stable")[:count]] = True
    ends = np.cumsum([one.size for one in weights])[:-1]
    masks = np.split(stays, ends)
    return [np.where(mask.reshape(one.shape), one, one.dtype.type(0)) for one, mask in zip(weights, masks, strict=True)]


def kept_units(incoming: Weights, outgoing: Weights, keep: str) -> NDArray[np.intp]:
    """Return, in order, which `keep` ("1/2", "32") units of a hidden layer stay; all if it has no more than that.

    What decides is the product of the Euclidean norms of what goes in and of what goes out: it does not change where
    a layer is scaled up and the next one down, by which a network with ReLU stays the same.

    Args:
        incoming: (units, inputs), with the bias as one of them.
        outgoing: (units, outputs).
        keep: a number, or a share of the units.

    """
    weight = np.linalg.norm(incoming, axis=1) * np.linalg.norm(outgoing, axis=1)
    count = min(amount_of(keep, len(weight)), len(weight))
    return np.sort(np.argsort(-weight, kind="stable")[:count])


def require_fewer(kept: Sequence[int], widths: Sequence[int], keep: str, *, converter: str) -> None:
    """Return if a hidden layer loses units.

    Raises:
        ConversionError: there is no hidden layer whose units could be removed, or none has more than are to be kept.

    """
    if not widths:
        detail = "it has no hidden layer between two matrix products with nothing but an activation between them"
        raise ConversionError(converter=converter, detail=detail)
    if list(kept) == list(widths):
        detail = f"hidden layers have {', '.join(map(str, widths))} units, and {keep} are to be kept"
        raise ConversionError(converter=converter, detail=detail)
