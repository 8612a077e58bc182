"""How far a row is from another answer of a tree ensemble, found by Veritas: a proof from below, an example from above.

Between two comparisons nothing changes, so that only finitely many distances are asked about. What is certified is a
proof over our own reading of the trees, with slack for the library's arithmetic; an example counts only where the model
itself gives it another label.
"""

import time
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.ensemble import LEAF, Ensemble
from mltest.coordinator.builder.judging.disturbance.radii import Radius, is_open
from mltest.coordinator.builder.judging.ensembles.margin_trees import Pair, margin_slack, margin_trees

Labels = Callable[[NDArray[np.floating]], NDArray[np.int64]]

_STEP = 2.0**-23
"""Of a threshold and a value, relative: X may be rounded to float32."""
_WIDER = 4
"""Times that step: boxes hold every threshold whose distance they stand for."""
_MEMORY_BYTES = 1 << 29
"""Of one search."""
_FOCAL_SIZE, _FOCAL_SHARE = 1000, 0.2
"""Of the states that are nearly best, which are followed to the bottom first; as in Veritas' own robustness search."""
_LOOK_AFTER = 100
"""Steps of a search between two looks at the clock."""


class _Answer(Enum):
    NEVER = "never"
    """Proved: no change within the distance."""
    FOUND = "found"
    OPEN = "open"


class TreeSearch:
    """Searches around single rows of the data."""

    def __init__(
        self,
        ensemble: Ensemble,
        rows: NDArray[np.floating],
        labels: NDArray[np.int64],
        ranges: NDArray[np.float64],
        ask_model: Labels,
    ) -> None:
        """Take the rows (rows, columns), what the model says of them, and the ranges in which changes are measured."""
        self._ensemble = ensemble
        self._rows, self._labels, self._ranges = rows, labels, ranges
        self._ask_model = ask_model
        self._slack = margin_slack(ensemble)
        self._trees: dict[tuple[Pair, frozenset[int]], Any] = {}
        compared = {
            (feature, threshold)
            for tree in ensemble.trees
            for feature, threshold in zip(tree.features, tree.thresholds, strict=True)
            if feature != LEAF and ranges[feature] > 0
        }
        self._features = np.array([feature for feature, _ in compared], dtype=np.int64)
        self._thresholds = np.array([threshold for _, threshold in compared], dtype=np.float64)

    def radius(self, row: int, certified: float, limit_s: float) -> Radius:
        """Return what is known of one row after at most about `limit_s`; no change below `certified` changes it."""
        ends_s = time.monotonic() + limit_s
        upper = self._nearest(row)
        lower = np.inf
        own = int(self._labels[row])
        others = [other for other in range(max(2, self._ensemble.output_count)) if other != own]
        for other in others:
            found = self._towards(row, (own, other), Radius(certified, upper), ends_s)
            lower, upper = min(lower, found.lower), min(upper, found.upper)
        return Radius(min(lower, upper), upper)

    def _nearest(self, row: int) -> float:
        """Return the distance to the nearest row of another label, with nothing missing on either side."""
        changes = np.abs(self._rows.astype(np.float64) - self._rows[row])[self._labels != self._labels[row]]
        scale = np.where(self._ranges > 0, self._ranges, 1.0)
        sizes = (changes / scale).max(axis=1, initial=0.0)
        return float(sizes[~np.isnan(sizes)].min(initial=np.inf))

    def _towards(self, row: int, pair: Pair, known: Radius, ends_s: float) -> Radius:
        """Return bounds of the smallest change that makes the row's label lose against the other one of `pair`."""
        steps = self._steps(row)
        steps = steps[(steps >= known.lower * (1 - 1e-12)) & (steps < known.upper)]
        proved, upper = self._first(row, pair, steps, known.upper, -self._slack, ends_s)
        lower = float(steps[proved]) if proved < len(steps) else known.upper
        if proved < len(steps) and is_open(lower, upper):
            # A tie is neither proved to change the label nor not to: look for what lies behind it.
            behind = steps[proved:][steps[proved:] < upper]
            upper = self._first(row, pair, behind, upper, self._slack, ends_s)[1]
        return Radius(lower, upper)

    def _first(
        self, row: int, pair: Pair, steps: NDArray[np.float64], upper: float, least: float, ends_s: float
    ) -> tuple[int, float]:
        """Return the position of the first of `steps` within which a margin of `least` is not ruled out.

        And the size of the smallest change found to change the label, `upper` if none is smaller.
        """
        low, high = 0, len(steps)
        while low < high:
            middle = (low + high) // 2
            answer, size = self._asked(row, pair, float(steps[middle]), least, ends_s)
            if answer is _Answer.NEVER:
                low = middle + 1
                continue
            high = middle
            if answer is _Answer.FOUND and size < upper:
                upper = size
                high = min(high, max(low, int(np.searchsorted(steps, size, side="right")) - 1))
        return low, upper

    def _steps(self, row: int) -> NDArray[np.float64]:
        """Return every distance (distances,) at which the row meets another comparison, ascending."""
        values = self._rounded(row)[self._features]
        slack = (np.abs(self._thresholds) + np.abs(values)) * _STEP
        gaps = np.maximum(0.0, np.abs(values - self._thresholds) - slack)
        found = gaps / self._ranges[self._features]
        return np.unique(found[np.isfinite(found)])

    def _asked(self, row: int, pair: Pair, distance: float, least: float, ends_s: float) -> tuple[_Answer, float]:
        remaining_s = ends_s - time.monotonic()
        if remaining_s <= 0:
            return _Answer.OPEN, np.inf
        search = self._search(row, pair, distance, least)
        search.step_for(remaining_s, _LOOK_AFTER)
        if not search.num_solutions():
            is_ruled_out = search.num_open() == 0 or search.current_bounds().best < least
            return (_Answer.NEVER if is_ruled_out else _Answer.OPEN), np.inf
        example = self._closest(row, search.get_solution(0).box())
        if self._ask_model(example[None])[0] == self._labels[row]:
            return _Answer.OPEN, np.inf
        return _Answer.FOUND, self._size(row, example)

    def _search(self, row: int, pair: Pair, distance: float, least: float) -> Any:
        from veritas import Config, HeuristicType, Interval

        centre = self._rounded(row)
        missing = frozenset(np.flatnonzero(np.isnan(centre)).tolist())
        if (pair, missing) not in self._trees:
            self._trees[pair, missing] = margin_trees(self._ensemble, pair, missing)
        config = Config(HeuristicType.MAX_OUTPUT)
        config.ignore_state_when_worse_than = least
        config.stop_when_num_solutions_exceeds = 1
        config.max_focal_size, config.focal_eps = _FOCAL_SIZE, _FOCAL_SHARE
        config.max_memory = _MEMORY_BYTES
        centre, reach = np.nan_to_num(centre), distance * self._ranges
        reach = reach + (2 * np.abs(centre) + reach) * (_WIDER * _STEP)
        lows, highs = centre - reach, np.nextafter(centre + reach, np.inf)
        box = [Interval(low, high) for low, high in zip(lows.tolist(), highs.tolist(), strict=True)]
        return config.get_search(self._trees[pair, missing], box)

    def _rounded(self, row: int) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            return np.asarray(self._rows[row].astype(self._ensemble.input_type), dtype=np.float64)

    def _closest(self, row: int, box: Any) -> NDArray[np.floating]:
        """Return the point (columns,) of a leaf's box next to the row; no rounding takes it out of the box."""
        is_single = self._ensemble.input_type == "float32" or self._rows.dtype == np.float32
        kind = np.float32 if is_single else np.float64
        point: NDArray[np.floating] = self._rows[row].copy()
        values = self._rounded(row)
        for feature, interval in box.items():
            if values[feature] < interval.lo:
                point[feature] = _at_least(interval.lo, kind)
            elif values[feature] >= interval.hi:
                point[feature] = _below(interval.hi, kind)
        return point

    def _size(self, row: int, example: NDArray[np.floating]) -> float:
        change = np.abs(example.astype(np.float64) - self._rows[row])
        scale = np.where(self._ranges > 0, self._ranges, 1.0)
        return float(np.nanmax(change / scale, initial=0.0))


def _at_least(value: float, kind: type[np.floating]) -> np.floating:
    """Return the smallest number of `kind` that is not below `value`."""
    rounded = kind(value)
    return rounded if float(rounded) >= value else np.nextafter(rounded, kind(np.inf))


def _below(value: float, kind: type[np.floating]) -> np.floating:
    """Return the largest number of `kind` below `value`."""
    rounded = kind(value)
    return rounded if float(rounded) < value else np.nextafter(rounded, kind(-np.inf))
