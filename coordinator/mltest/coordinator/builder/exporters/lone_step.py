"""The estimator of a pipeline without preprocessing or of a search, for exporters that know nothing else."""

from typing import Any

from mltest.shared.errors import ConversionError


def lone_step(estimator: Any, converter: str, *, holds: str) -> Any:
    """Return `estimator`, the best one that a search has found, or the only step of a pipeline that is one.

    Raises:
        ConversionError: there are steps before the one that answers.

    """
    from sklearn.pipeline import Pipeline

    if hasattr(estimator, "best_estimator_"):
        return lone_step(estimator.best_estimator_, converter, holds=holds)
    if not isinstance(estimator, Pipeline):
        return estimator
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    if len(steps) > 1:
        names = ", ".join(type(step).__name__ for step in steps[:-1])
        raise ConversionError(converter=converter, detail=f"it holds {holds} only, not the steps before ({names})")
    return lone_step(steps[0], converter, holds=holds)
