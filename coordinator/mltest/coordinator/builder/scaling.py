"""What the steps of a pipeline before its model do to each feature, if they only scale; in the builder's child."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.shared.errors import ConversionError


@dataclass(frozen=True, slots=True)
class Scale:
    """`(value - centre) * factor + shift`; each field is (features,)."""

    centre: NDArray[np.float64]
    factor: NDArray[np.float64]
    shift: NDArray[np.float64]


def steps_and_final(estimator: Any) -> tuple[list[Any], Any]:
    """Return the steps before the estimator that answers, and it itself; of a search, of its best estimator."""
    from sklearn.pipeline import Pipeline

    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    if not isinstance(estimator, Pipeline):
        return [], estimator
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return steps[:-1], steps[-1]


def scale_of(step: Any, feature_count: int, converter: str) -> Scale:
    """Return what `step` does.

    Raises:
        ConversionError: it is more than scaling; `converter` is who says so.

    """
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

    nothing = np.zeros(feature_count)
    if isinstance(step, MinMaxScaler) and not step.clip:
        return Scale(nothing, np.asarray(step.scale_, dtype=np.float64), np.asarray(step.min_, dtype=np.float64))
    if isinstance(step, StandardScaler | RobustScaler | MaxAbsScaler):
        centre = getattr(step, "mean_" if isinstance(step, StandardScaler) else "center_", None)
        factor = 1 / np.asarray(step.scale_, dtype=np.float64) if step.scale_ is not None else np.ones(feature_count)
        is_centred = centre is not None and getattr(step, "with_mean", getattr(step, "with_centering", False))
        return Scale(np.asarray(centre, dtype=np.float64) if is_centred else nothing, factor, nothing)
    detail = f"the step {type(step).__name__} before the model is more than scaling"
    raise ConversionError(converter=converter, detail=detail)
