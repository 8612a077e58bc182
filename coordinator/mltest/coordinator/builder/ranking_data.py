"""What users clicked in ranked lists, where data say so: three columns of fixed names beside X."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.shared.errors import DataInvalidError

RANKING_NAMES = ("clicks", "propensities", "queries")
"""Of arrays of an .npz, or of columns of a table; the data are a click log if they have all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A click log; each array has an entry for each row."""

    clicks: NDArray[np.float64]
    """0 or 1: whether the row was clicked."""
    propensities: NDArray[np.float64]
    """Above 0, at most 1: how likely the row was to be looked at where it was shown."""
    queries: NDArray[np.int64]
    """Rows of one query are ranked against each other."""

    def of_rows(self, picked: NDArray[np.generic]) -> "Ranking":
        """Return it for some rows."""
        return Ranking(clicks=self.clicks[picked], propensities=self.propensities[picked], queries=self.queries[picked])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return it by the names of the three arrays."""
        return {name: getattr(self, name) for name in RANKING_NAMES}


def ranking_of(given: Mapping[str, NDArray[np.generic]], row_count: int, name: str) -> Ranking | None:
    """Return the click log among arrays; None if one of its names is missing.

    Raises:
        DataInvalidError: what is wrong with it.

    """
    if not set(RANKING_NAMES) <= set(given):
        return None
    for key in RANKING_NAMES:
        if given[key].shape != (row_count,):
            raise DataInvalidError(detail=f"X in {name} has {row_count} rows, but {key} has shape {given[key].shape}")
    try:
        clicks, propensities = (given[key].astype(np.float64) for key in RANKING_NAMES[:2])
    except ValueError as error:
        raise DataInvalidError(detail=f"clicks and propensities in {name} have to be numbers") from error
    if not np.isin(clicks, (0.0, 1.0)).all():
        raise DataInvalidError(detail=f"clicks in {name} have to be 0 or 1")
    if not bool(((propensities > 0) & (propensities <= 1)).all()):
        raise DataInvalidError(detail=f"propensities in {name} have to be above 0 and at most 1")
    _, queries = np.unique(given["queries"], return_inverse=True)
    return Ranking(clicks=clicks, propensities=propensities, queries=np.asarray(queries, dtype=np.int64))
