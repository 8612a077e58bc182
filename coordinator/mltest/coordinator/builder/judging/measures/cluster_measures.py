"""How good clusters are, as functions of row counts: by distances of rows, and by true values.

Only clusters that have rows count. Definitions and undefined cases are those of scikit-learn.
"""

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.bootstrap import Counts, Measure, grouped_sums

INNER = ("silhouette", "calinski_harabasz", "davies_bouldin")
OUTER = ("adjusted_rand", "normalised_mutual_information", "homogeneity", "completeness", "v_measure")


def spread_measure(rows: NDArray[np.floating], labels: NDArray[np.int64]) -> Measure:
    """Return the indices of Calinski and Harabasz and of Davies and Bouldin.

    Args:
        rows: (rows, features), all finite.
        labels: (rows,), the number of each row's cluster.

    Sources: Calinski & Harabasz 1974, "A dendrite method for cluster analysis"; Davies & Bouldin 1979, "A cluster
    separation measure".

    """
    centred = np.asarray(rows, dtype=np.float64) - np.mean(rows, axis=0, dtype=np.float64)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def of(counts: Counts) -> NDArray[np.float64]:
        sizes = np.stack([counts[:, own].sum(axis=1) for own in members], axis=1)
        sums = np.stack([counts[:, own] @ centred[own] for own in members], axis=1)
        centres = sums / np.where(sizes > 0, sizes, 1)[:, :, None]
        squares = counts @ (centred**2).sum(axis=1)
        between = _between(sizes, sums, centres)
        within = np.maximum(squares - (sizes * (centres**2).sum(axis=2)).sum(axis=1), 0.0)
        scatters = np.stack(
            [_mean_distance(counts[:, own], centred[own], centres[:, at]) for at, own in enumerate(members)], axis=1
        )
        return np.stack([_calinski(sizes, between, within), _davies(sizes, centres, scatters)], axis=1)

    return Measure(tuple((metric, "value", "") for metric in INNER[1:]), of)


def silhouette_measure(rows: NDArray[np.floating], labels: NDArray[np.int64]) -> Measure:
    """Return the mean silhouette, by Euclidean distances; it holds the distance of each row from each.

    A drawn row stands beside its own copies at distance 0, as it does in drawn data.

    Source: Rousseeuw 1987, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
    """
    distances = _distances(np.asarray(rows, dtype=np.float64))
    found = np.unique(labels)
    members = [np.flatnonzero(labels == label) for label in found]
    own_cluster = np.searchsorted(found, labels)

    def of(counts: Counts) -> NDArray[np.float64]:
        return np.array([[_silhouette(one, distances, members, own_cluster)] for one in counts])

    return Measure((("silhouette", "value", ""),), of)


def truth_measure(truth: NDArray[np.int64], labels: NDArray[np.int64]) -> Measure:
    """Return by how much clusters follow the true values, whatever both are called.

    Sources: Hubert & Arabie 1985, "Comparing partitions"; Rosenberg & Hirschberg 2007, "V-measure".
    """
    true_count, label_count = int(truth.max()) + 1, int(labels.max()) + 1
    cells = truth * label_count + labels

    def of(counts: Counts) -> NDArray[np.float64]:
        table = grouped_sums(counts, cells, true_count * label_count).reshape(len(counts), true_count, label_count)
        return np.stack([_adjusted_rand(table), *_informations(table)], axis=1)

    return Measure(tuple((metric, "value", "") for metric in OUTER), of)


def _distances(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist  # type: ignore[import-untyped]  # it has no types

    return np.asarray(cdist(rows, rows), dtype=np.float64)


def _silhouette(
    counts: NDArray[np.float64],
    distances: NDArray[np.float64],
    members: list[NDArray[np.int64]],
    own_cluster: NDArray[np.int64],
) -> float:
    """Return the mean over drawn rows; NaN with one cluster only, or with one for each row."""
    drawn = np.flatnonzero(counts)
    sizes = np.array([counts[own].sum() for own in members])
    if not 2 <= (sizes > 0).sum() <= counts.sum() - 1:
        return float("nan")
    sums = np.stack([distances[np.ix_(drawn, own)] @ counts[own] for own in members], axis=1)
    own, places = own_cluster[drawn], np.arange(len(drawn))
    alone = sizes[own] <= 1
    inner = sums[places, own] / np.maximum(sizes[own] - 1, 1)
    others = np.where(sizes > 0, sums / np.where(sizes > 0, sizes, 1), np.inf)
    others[places, own] = np.inf
    outer = others.min(axis=1)
    largest = np.maximum(inner, outer)
    values = np.where(alone | (largest == 0), 0.0, (outer - inner) / np.where(largest == 0, 1, largest))
    return float((counts[drawn] * values).sum() / counts.sum())


def _between(
    sizes: NDArray[np.float64], sums: NDArray[np.float64], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    middle = sums.sum(axis=1) / sizes.sum(axis=1)[:, None]
    apart: NDArray[np.float64] = (sizes * ((centres - middle[:, None]) ** 2).sum(axis=2)).sum(axis=1)
    return apart


def _calinski(
    sizes: NDArray[np.float64], between: NDArray[np.float64], within: NDArray[np.float64]
) -> NDArray[np.float64]:
    clusters, total = (sizes > 0).sum(axis=1), sizes.sum(axis=1)
    is_defined = (clusters >= 2) & (clusters <= total - 1)
    freedoms = (total - clusters) / np.maximum(clusters - 1, 1)
    ratios = np.where(within > 0, between / np.where(within > 0, within, 1) * freedoms, 1.0)
    return np.where(is_defined, ratios, np.nan)


def _davies(
    sizes: NDArray[np.float64], centres: NDArray[np.float64], scatters: NDArray[np.float64]
) -> NDArray[np.float64]:
    has_rows = sizes > 0
    lengths = (centres**2).sum(axis=2)
    apart = np.sqrt(np.maximum(lengths[:, :, None] + lengths[:, None] - 2 * centres @ centres.transpose(0, 2, 1), 0.0))
    apart[:, range(centres.shape[1]), range(centres.shape[1])] = 0.0
    alike = np.divide(scatters[:, :, None] + scatters[:, None], apart, out=np.zeros_like(apart), where=apart > 0)
    alike *= has_rows[:, :, None] & has_rows[:, None]
    clusters = has_rows.sum(axis=1)
    is_defined = (clusters >= 2) & (clusters <= sizes.sum(axis=1) - 1)
    return np.where(is_defined, alike.max(axis=2).sum(axis=1) / np.maximum(clusters, 1), np.nan)


def _mean_distance(
    counts: NDArray[np.float64], rows: NDArray[np.float64], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean distance (resamples,) of drawn rows from the centre of their resample."""
    squares = (rows**2).sum(axis=1) - 2 * centres @ rows.T + (centres**2).sum(axis=1)[:, None]
    distances = np.sqrt(np.maximum(squares, 0.0))
    means: NDArray[np.float64] = (counts * distances).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return means


def _adjusted_rand(table: NDArray[np.float64]) -> NDArray[np.float64]:
    total = table.sum(axis=(1, 2))
    squares = (table**2).sum(axis=(1, 2))
    of_truth, of_clusters = (table.sum(axis=2) ** 2).sum(axis=1), (table.sum(axis=1) ** 2).sum(axis=1)
    both, lost, mixed = squares - total, of_truth - squares, of_clusters - squares
    neither = total**2 - of_truth - of_clusters + squares
    lower = (both + lost) * (lost + neither) + (both + mixed) * (mixed + neither)
    is_same = (lost == 0) & (mixed == 0)
    upper = 2 * (both * neither - lost * mixed)
    return np.where(is_same, 1.0, upper / np.where(lower == 0, 1, lower))


def _informations(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return normalised mutual information, homogeneity, completeness and V-measure (resamples,)."""
    total = table.sum(axis=(1, 2))
    of_truth, of_clusters = _entropy(table.sum(axis=2), total), _entropy(table.sum(axis=1), total)
    shared = of_truth + of_clusters - _entropy(table.reshape(len(table), -1), total)
    shared = np.maximum(shared, 0.0)
    homogeneity = np.where(of_truth > 0, shared / np.where(of_truth > 0, of_truth, 1), 1.0)
    completeness = np.where(of_clusters > 0, shared / np.where(of_clusters > 0, of_clusters, 1), 1.0)
    both = homogeneity + completeness
    v_measure = np.where(both > 0, 2 * homogeneity * completeness / np.where(both > 0, both, 1), 0.0)
    mean = (of_truth + of_clusters) / 2
    normalised = np.where(mean > 0, shared / np.where(mean > 0, mean, 1), 1.0)
    return normalised, homogeneity, completeness, v_measure


def _entropy(counts: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = counts / total[:, None]
    entropy: NDArray[np.float64] = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)
    return np.maximum(entropy, 0.0)
