"""A clustering submitted as an ONNX graph is read as one."""

from pathlib import Path

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.opened_model import opened_graph
from mltest.shared.domain import Task
from mltest.shared.native.onnx_graph import inspect_graph


@pytest.mark.parametrize("has_true_values", [True, False])
def test_k_means_of_skl2onnx_is_a_clustering_and_no_classifier(tmp_path: Path, *, has_true_values: bool) -> None:
    rows, truth = load_iris(return_X_y=True)
    rows = rows.astype(np.float32)
    model = KMeans(3, n_init=1, random_state=0).fit(rows)
    path = tmp_path / "k_means.onnx"
    path.write_bytes(to_onnx(model, rows[:1]).SerializeToString())

    opened = opened_graph(path, RawData(rows=rows, truth=truth if has_true_values else None))

    assert (opened.info.task, opened.info.family) == (Task.CLUSTERING, "clusters")
    assert opened.info.classes == ("0", "1", "2")
    predictions = opened.predict(rows)
    assert predictions.scores is None
    np.testing.assert_array_equal(predictions.labels, model.predict(rows))


def test_a_classifier_is_none_of_them(tmp_path: Path) -> None:
    rows, truth = load_iris(return_X_y=True)
    path = tmp_path / "linear.onnx"
    path.write_bytes(to_onnx(LogisticRegression(max_iter=500).fit(rows, truth), rows[:1]).SerializeToString())
    assert not inspect_graph(path).is_clustering
