"""Scalers of scikit-learn as numbers to print; in the builder's child only."""

from typing import Any

from mltest.coordinator.builder.c_source.network.form import Scaling
from mltest.coordinator.builder.c_source.network.refusal import CONVERTER, refusal
from mltest.coordinator.builder.scaling import scale_of


def scalings_of(steps: list[Any], feature_count: int) -> tuple[Scaling, ...]:
    """Return what each of `steps` does to each feature.

    Raises:
        ConversionError: a step is more than scaling.

    """
    found = [scale_of(step, feature_count, CONVERTER) for step in steps]
    shapes = {array.shape for scale in found for array in (scale.centre, scale.factor, scale.shift)}
    if shapes - {(feature_count,)}:
        raise refusal("its scalers do not fit its features")
    return tuple(
        Scaling(
            centre=tuple(scale.centre.tolist()), factor=tuple(scale.factor.tolist()), shift=tuple(scale.shift.tolist())
        )
        for scale in found
    )
