"""A random forest of 100 trees on handwritten digits: 10 classes, 64 features."""

import sys
from typing import Any

from _submit import save_and_submit
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split


def trained() -> tuple[RandomForestClassifier, Any, Any]:
    """Return the model with rows and true values that it has not seen."""
    rows, truth = load_digits(return_X_y=True)
    train_rows, rows, train_truth, truth = train_test_split(rows, truth, test_size=0.3, random_state=0, stratify=truth)
    model = RandomForestClassifier(n_estimators=100, random_state=0)
    return model.fit(train_rows, train_truth), rows, truth


if __name__ == "__main__":
    sys.exit(save_and_submit("forest_digits", *trained()))
