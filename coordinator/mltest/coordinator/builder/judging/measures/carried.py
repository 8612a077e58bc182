"""Whether a mean is that of a few rows only, so that rows drawn again say too little about others."""

import numpy as np
from numpy.typing import NDArray

_MOST_ROWS, _MOST_SHARE = 5, 0.05
"""Squares of errors of a normal distribution have half of their sum in 13 % of the rows."""


def carried_by_few(losses: NDArray[np.float64]) -> str:
    """Return what a reader of the mean of `losses` (rows,), none negative, has to know; empty if nothing.

    Intervals by the bootstrap cover too little where few rows make up the mean: 36 % instead of 95 % for relative
    errors of true values around 0.
    """
    largest = np.sort(losses)[::-1]
    total = float(largest.sum())
    if not np.isfinite(total) or total <= 0:
        return ""
    count = int(np.searchsorted(largest.cumsum(), total / 2)) + 1
    if count > min(_MOST_ROWS, _MOST_SHARE * len(losses)):
        return ""
    rows = f"{count} row{'' if count == 1 else 's'} of {len(losses):,} make{'s' if count == 1 else ''} half of it"
    return f"{rows}; of other rows it may be far outside of its interval"
