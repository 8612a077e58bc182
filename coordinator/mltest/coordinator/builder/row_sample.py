"""Which rows are used where there are more than the cap. Pure: the seed is passed in."""

import numpy as np
from numpy.typing import NDArray


def sampled_rows(row_count: int, cap: int, seed: int, classes: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the positions of the rows to use, ascending; all of them if there are at most `cap`.

    With `classes` (rows,), the position of each row's class, the shares of the classes are kept (largest remainder),
    and no class gets lost as long as the cap has room for all.
    """
    if row_count <= cap:
        return np.arange(row_count)
    random = np.random.default_rng(seed)
    if classes is None:
        return np.sort(random.choice(row_count, size=cap, replace=False))
    found, counts = np.unique(classes, return_counts=True)
    quotas = _quotas(counts, cap)
    picked = [
        random.choice(np.flatnonzero(classes == label), size=quota, replace=False)
        for label, quota in zip(found, quotas, strict=True)
    ]
    return np.sort(np.concatenate(picked))


def _quotas(counts: NDArray[np.int64], cap: int) -> NDArray[np.int64]:
    least = 1 if len(counts) <= cap else 0
    exact = counts * cap / counts.sum()
    quotas: NDArray[np.int64] = np.maximum(np.floor(exact).astype(np.int64), least)
    while quotas.sum() < cap:
        quotas[np.argmax(np.where(quotas < counts, exact - quotas, -np.inf))] += 1
    while quotas.sum() > cap:
        quotas[np.argmax(np.where(quotas > least, quotas - exact, -np.inf))] -= 1
    return quotas
