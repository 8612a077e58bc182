"""A support vector machine with RBF kernel behind a scaler on breast cancer: 2 classes, 30 features."""

import sys
from typing import Any

from _submit import save_and_submit
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def trained() -> tuple[Pipeline, Any, Any]:
    """Return the model with rows and true values that it has not seen."""
    rows, truth = load_breast_cancer(return_X_y=True)
    train_rows, rows, train_truth, truth = train_test_split(rows, truth, test_size=0.3, random_state=0, stratify=truth)
    model = make_pipeline(StandardScaler(), SVC(kernel="rbf", C=1.0))
    return model.fit(train_rows, train_truth), rows, truth


if __name__ == "__main__":
    sys.exit(save_and_submit("svm_breast_cancer", *trained()))
