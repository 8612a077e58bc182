"""Boosted regression trees on the progression of diabetes: 10 features."""

import sys
from typing import Any

from _submit import save_and_submit
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split


def trained() -> tuple[GradientBoostingRegressor, Any, Any]:
    """Return the model with rows and true values that it has not seen."""
    rows, truth = load_diabetes(return_X_y=True)
    train_rows, rows, train_truth, truth = train_test_split(rows, truth, test_size=0.3, random_state=0)
    model = GradientBoostingRegressor(n_estimators=200, max_depth=3, learning_rate=0.05, random_state=0)
    return model.fit(train_rows, train_truth), rows, truth


if __name__ == "__main__":
    sys.exit(save_and_submit("boosting_diabetes", *trained()))
