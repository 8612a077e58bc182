"""Keys of 8 or 16 bits: how many of the thresholds of its feature a value is above. Pure.

x > threshold is rank(x) > rank(threshold), so nothing is lost as long as a feature has no more different thresholds
than a rank can count: every feature of histogram boosting with 256 bins has so few. Beyond, thresholds are moved to
the next of those that are kept, which is lossy.
"""

from bisect import bisect_left
from collections import defaultdict

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.keys import Columns, column_lines
from mltest.coordinator.builder.c_source.literals import number_literal, table_lines
from mltest.coordinator.builder.c_source.thresholds import floor_to_float32


class RankKeys(Columns):
    """Ranks of `bits`; a missing value that goes left has 0, one that goes right the largest."""

    def __init__(self, ensemble: Ensemble, bits: int) -> None:
        super().__init__(ensemble)
        self._input_type = ensemble.input_type
        self.key_type = self.threshold_type = f"uint{bits}_t"
        self.largest = f"UINT{bits}_MAX"
        found: defaultdict[int, set[float]] = defaultdict(set)
        for tree in ensemble.trees:
            for node, _, _ in tree.inner():
                found[tree.features[node]].add(self._rounded(tree.thresholds[node]))
        most = (1 << bits) - 1
        self.is_lossless = all(len(thresholds) <= most for thresholds in found.values())
        """Whether every threshold has a rank of its own."""
        self._cuts = {feature: _kept(sorted(thresholds), most) for feature, thresholds in found.items()}

    def threshold(self, value: float, *, feature: int, misses_left: bool) -> str:
        """Return the rank of the threshold, or of the next one that is kept."""
        cuts = self._cuts[feature]
        place = bisect_left(cuts, self._rounded(value))
        return str(min(place, len(cuts) - 1))

    def lines(self) -> list[str]:
        """Return C that looks ranks up by halving."""
        firsts: dict[int, int] = {}
        cuts: list[str] = []
        for feature in sorted(self._cuts):
            firsts[feature] = len(cuts)
            cuts += [number_literal(cut, self._input_type) for cut in self._cuts[feature]]
        arguments = {feature: f"CUTS + {first}, {len(self._cuts[feature])}" for feature, first in firsts.items()}
        return [
            *([f"static const INPUT CUTS[{len(cuts)}] = {{", *table_lines(cuts), "};", ""] if cuts else []),
            *column_lines(_SEARCH, self.columns, "0", self.largest, arguments),
        ]

    def _rounded(self, value: float) -> float:
        return floor_to_float32(value) if self._input_type == "float32" else value


def _kept(thresholds: list[float], most: int) -> list[float]:
    """Return at most `most` of `thresholds`, evenly spread over their order; the last one always."""
    if len(thresholds) <= most:
        return thresholds
    return [thresholds[(index + 1) * len(thresholds) // most - 1] for index in range(most)]


_SEARCH = [
    "static inline KEY key_of(INPUT value, KEY missing, const INPUT *cuts, uint32_t count) {",
    "    uint32_t low = 0;",
    "    if (value != value)",
    "        return missing;",
    "    while (count) {",
    "        uint32_t half = count / 2, is_above = cuts[low + half] < value;",
    "        low += is_above ? half + 1 : 0;",
    "        count = is_above ? count - half - 1 : half;",
    "    }",
    "    return (KEY)low;",
    "}",
    "",
]
