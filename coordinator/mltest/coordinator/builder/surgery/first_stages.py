"""Gradient boosting that ends earlier: its first stages, which are what it was after so many rounds of training."""

from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.coordinator.builder.surgery.ensembles import (
    is_gradient_boosting,
    is_histogram_boosting,
    refusal,
    with_final,
)
from mltest.shared.errors import ConversionError
from mltest.shared.native.outputs import Estimator, final_estimator

NAME = "first-stages"
TAKES = "gradient and histogram boosting of scikit-learn"


def first_stages(estimator: Estimator, keep: str) -> Estimator:
    """Return a copy of `estimator` with the first `keep` stages ("50", "1/2").

    Raises:
        ConversionError: it is no gradient boosting, or has no more stages than that.

    """
    final = final_estimator(estimator)
    if not (is_gradient_boosting(final) or is_histogram_boosting(final)):
        raise refusal(NAME, final, TAKES)
    total = len(final.estimators_) if is_gradient_boosting(final) else len(final._predictors)
    count = amount_of(keep, total)
    if count >= total:
        raise ConversionError(converter=NAME, detail=f"the model has {total} stages, and {count} are to be kept")
    return with_final(estimator, lambda copied: _cut(copied, count))


def _cut(final: Estimator, count: int) -> None:
    if is_histogram_boosting(final):
        final._predictors = final._predictors[:count]
        final.max_iter = count
    else:
        final.estimators_ = final.estimators_[:count]
        final.n_estimators_ = final.n_estimators = count
        final.train_score_ = final.train_score_[:count]
