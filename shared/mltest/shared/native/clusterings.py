"""Clusterings of scikit-learn: which of them take rows that they were not fitted with, and the numbers they give."""

from typing import Any

import numpy as np

from mltest.shared.errors import ModelUnsupportedError
from mltest.shared.native.class_labels import class_texts

_COUNTED = ("cluster_centers_", "means_")
"""Attributes with one row for each cluster: of k-means, mean shift and affinity propagation; of mixtures."""


def is_clustering(final: Any) -> bool:
    """Return whether `final`, the last step of a pipeline, is a clustering or a mixture that takes new rows."""
    from sklearn.base import is_clusterer
    from sklearn.mixture._base import BaseMixture

    return hasattr(final, "predict") and (is_clusterer(final) or isinstance(final, BaseMixture))


def cluster_names(final: Any) -> tuple[str, ...]:
    """Return the numbers of the clusters of `final`, fitted, as text, in their order.

    Raises:
        ModelUnsupportedError: it found none.

    """
    found = getattr(final, "subcluster_labels_", None)
    if found is not None:
        return class_texts(np.unique(np.asarray(found)))
    count = next((len(getattr(final, name)) for name in _COUNTED if hasattr(final, name)), 0)
    if not count:
        raise ModelUnsupportedError(detail=f"the {type(final).__name__} found no clusters; it may not have converged")
    return tuple(str(number) for number in range(count))


def input_dtype(final: Any) -> str:
    """Return the type in which `final`, the last step of a pipeline, takes rows.

    A k-means compares rows with its centers in the type of these, and refuses rows of another one.
    """
    centers = getattr(final, "cluster_centers_", None)
    return "float32" if getattr(centers, "dtype", None) == np.float32 else "float64"
