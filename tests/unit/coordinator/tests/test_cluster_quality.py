"""Indices of clusters, held against scikit-learn on rows that were really drawn again."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import DBSCAN, AffinityPropagation, Birch, BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans
from sklearn.datasets import load_iris
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.judging.measures.cluster_measures import (
    silhouette_measure,
    spread_measure,
    truth_measure,
)
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.cluster_quality import ClusteringQuality
from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelUnsupportedError
from mltest.shared.native.outputs import describe_estimator
from tests.unit.coordinator.predictions import classified, value_of

ROWS, TRUTH = load_iris(return_X_y=True)
LABELS = KMeans(4, n_init=1, random_state=0).fit_predict(ROWS)
DRAWN = np.random.default_rng(1).multinomial(150, np.full(150, 1 / 150), size=6).astype(float)


def test_indices_by_distances_are_those_of_scikit_learn_on_the_drawn_rows() -> None:
    near, spread = silhouette_measure(ROWS, LABELS).of(DRAWN), spread_measure(ROWS, LABELS).of(DRAWN)
    for counts, (silhouette,), (calinski, davies) in zip(DRAWN, near, spread, strict=True):
        rows, labels = np.repeat(ROWS, counts.astype(int), axis=0), np.repeat(LABELS, counts.astype(int))
        assert silhouette == pytest.approx(metrics.silhouette_score(rows, labels))
        assert calinski == pytest.approx(metrics.calinski_harabasz_score(rows, labels))
        assert davies == pytest.approx(metrics.davies_bouldin_score(rows, labels))


def test_indices_by_true_values_are_those_of_scikit_learn_on_the_drawn_rows() -> None:
    for counts, found in zip(DRAWN, truth_measure(TRUTH, LABELS).of(DRAWN), strict=True):
        truth, labels = np.repeat(TRUTH, counts.astype(int)), np.repeat(LABELS, counts.astype(int))
        expected = (
            metrics.adjusted_rand_score(truth, labels),
            metrics.normalized_mutual_info_score(truth, labels),
            *metrics.homogeneity_completeness_v_measure(truth, labels),
        )
        assert found == pytest.approx(expected)


def test_a_cluster_that_no_drawn_row_is_of_does_not_count_and_one_cluster_has_no_index() -> None:
    counts = (LABELS != 2).astype(float)
    left, labels = ROWS[counts > 0], LABELS[counts > 0]
    assert spread_measure(ROWS, LABELS).of(counts[None])[0, 1] == pytest.approx(
        metrics.davies_bouldin_score(left, labels)
    )
    alone = (LABELS == 0).astype(float)[None]
    assert math.isnan(silhouette_measure(ROWS, LABELS).of(alone)[0, 0])
    assert np.isnan(spread_measure(ROWS, LABELS).of(alone)).all()


def test_true_values_called_otherwise_are_followed_as_well() -> None:
    (found,) = truth_measure(TRUTH, (TRUTH + 1) % 3).of(np.ones((1, 150)))
    assert found == pytest.approx(np.ones(5))


def test_every_index_has_an_interval_around_it() -> None:
    results = {
        one.metric: one for one in ClusteringQuality().results(clustered(LABELS, TRUTH)) if one.statistic == "value"
    }
    assert len(results) == 8
    for one in results.values():
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.high
        # Copies of a row are near to each other: drawn rows look a little better clustered than the rows themselves.
        assert one.low - 0.2 * abs(one.value) <= one.value <= one.high + 0.2 * abs(one.value)


def test_without_true_values_or_with_gaps_indices_say_why_they_are_absent() -> None:
    results = ClusteringQuality().results(clustered(LABELS))
    assert value_of(results, "adjusted_rand") is None
    assert value_of(results, "silhouette") == pytest.approx(metrics.silhouette_score(ROWS, LABELS))
    gaps = ROWS.copy()
    gaps[3, 1] = np.nan
    results = ClusteringQuality().results(replace(clustered(LABELS), rows=gaps))
    assert value_of(results, "silhouette") is None
    results = ClusteringQuality().results(clustered(np.zeros(150, dtype=np.int64)))
    assert value_of(results, "davies_bouldin") is None


def test_the_silhouette_of_many_rows_is_of_a_sample_of_them() -> None:
    found = next(one for one in ClusteringQuality(silhouette_rows=40).results(clustered(LABELS)))
    assert (found.metric, found.count) == ("silhouette", 40)


def test_a_candidate_with_another_cluster_in_one_row_is_not_ranked() -> None:
    other = LABELS.copy()
    other[7] = (other[7] + 1) % 4
    assert Agreement().gate(clustered(LABELS)) == ""
    assert "1 of 150 labels differ" in Agreement().gate(clustered(other, reference=LABELS))


@pytest.mark.parametrize(
    "estimator",
    [
        KMeans(3, n_init=1),
        MiniBatchKMeans(3, n_init=1),
        BisectingKMeans(3),
        Birch(n_clusters=3),
        Birch(n_clusters=None),
        MeanShift(),
        AffinityPropagation(random_state=0),
        GaussianMixture(3),
        BayesianGaussianMixture(n_components=3),
        make_pipeline(StandardScaler(), KMeans(3, n_init=1)),
    ],
    ids=lambda found: type(found).__name__,
)
def test_a_clustering_that_takes_new_rows_names_its_clusters(estimator: object) -> None:
    native = describe_estimator(estimator.fit(ROWS))  # type: ignore[attr-defined]  # scikit-learn has no types
    labels = native.predictions(native.prepare(ROWS)).labels
    assert native.task is Task.CLUSTERING
    assert labels is not None
    assert 0 <= labels.min() <= labels.max() < len(native.classes)
    assert [native.classes[label] for label in labels] == [str(one) for one in native.estimator.predict(ROWS)]


@pytest.mark.parametrize(
    "estimator",
    [KMeans(3, n_init=1), MiniBatchKMeans(3, n_init=1), make_pipeline(StandardScaler(), KMeans(3, n_init=1))],
    ids=lambda found: type(found).__name__,
)
def test_a_k_means_that_was_fitted_on_float32_gets_float32(estimator: object) -> None:
    single = ROWS.astype(np.float32)
    native = describe_estimator(estimator.fit(single))  # type: ignore[attr-defined]  # scikit-learn has no types
    labels = native.predictions(native.prepare(ROWS)).labels
    assert native.input_dtype == "float32"
    np.testing.assert_array_equal(labels, native.estimator.predict(single))


def test_a_clustering_that_takes_no_new_rows_is_refused_and_says_so() -> None:
    with pytest.raises(ModelUnsupportedError, match="takes new rows"):
        describe_estimator(DBSCAN().fit(ROWS))


def clustered(
    labels: np.ndarray, truth: np.ndarray | None = None, *, reference: np.ndarray | None = None
) -> PredictionEvidence:
    found = classified(labels, reference=reference, truth=truth, classes=("0", "1", "2", "3"))
    return replace(found, rows=ROWS, model=replace(found.model, task=Task.CLUSTERING, output=Output.LABELS))
