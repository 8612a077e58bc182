"""Within which change the label of a network certainly stays; runs in the builder's child."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.judging.measures.said import right_rows
from mltest.coordinator.builder.judging.networks.network_attack import is_image
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.networks.ball import Domain, domain_of
from mltest.coordinator.builder.networks.bounds import Box, least_margins
from mltest.coordinator.builder.networks.operators import Numbers
from mltest.coordinator.builder.networks.program import Program
from mltest.coordinator.builder.networks.row_shape import image_shape
from mltest.coordinator.builder.networks.white_box import read_program
from mltest.shared.errors import MltestError

_SMALLEST, _LARGEST = 1e-4, 1.0
"""Radii between which is looked."""
_HALVINGS = 10
_CHUNK = 8
"""Rows between two looks at the clock."""


def network_bound_facts(
    evidence: ModelEvidence, test: str, *, rows: int, radii: tuple[float, ...], ranges: str, budget_s: float
) -> Facts:
    """Return the median of the radii that are proven, and the share of rows that is proven at each radius."""
    facts = Facts(test)
    try:
        program = read_program(evidence)
    except MltestError as error:
        facts.add("radius_certified", None, reason=str(error.facts.get("detail", error.message)))
        return facts
    right = np.flatnonzero(right_rows(evidence.reference, evidence.truth)[:rows])
    if not len(right):
        facts.add("radius_certified", None, reason="no row has the right label")
        return facts
    assert evidence.truth is not None
    search = _Search(
        program, domain_of(evidence.rows, is_image=is_image(ranges, image_shape(evidence))), evidence, budget_s
    )
    values, labels = evidence.rows[right].astype(np.float64), evidence.truth[right].astype(np.int64)
    proven, left = search.radii(values, labels)
    median = float(np.median(proven))
    facts.add("radius_certified", median, statistic="median", count=len(right))
    for radius in radii:
        share = float((proven >= radius).mean())
        facts.add("robust_accuracy", share, statistic="at least", label=f"radius {radius:g}", count=len(right))
    facts.add("not_finished_count", left, count=len(right))
    return facts


@dataclass(frozen=True, slots=True)
class _Search:
    program: Program
    domain: Domain
    evidence: ModelEvidence
    budget_s: float

    def radii(self, rows: Numbers, labels: NDArray[np.int64]) -> tuple[Numbers, int]:
        """Return a proven radius of each row, 0 if there is none, and how many were not looked at to the end."""
        proven, left = np.zeros(len(rows)), 0
        for first in range(0, len(rows), _CHUNK):
            part = slice(first, first + _CHUNK)
            proven[part], is_finished = self._part(rows[part], labels[part])
            left += 0 if is_finished else len(rows[part])
        return proven, left

    def _part(self, rows: Numbers, labels: NDArray[np.int64]) -> tuple[Numbers, bool]:
        """Halve, on a scale of ratios, between what is proven and what is not."""
        low, high = np.full(len(rows), _SMALLEST), np.full(len(rows), _LARGEST)
        proven = np.zeros(len(rows))
        tried = np.full(len(rows), _SMALLEST)
        for _ in range(_HALVINGS + 1):
            if not self.evidence.has_time(self.budget_s):
                return proven, False
            holds = self.holds(rows, labels, tried)
            proven = np.where(holds, np.maximum(proven, tried), proven)
            low, high = np.where(holds, tried, low), np.where(holds, high, tried)
            tried = np.sqrt(low * high)
        return proven, True

    def holds(self, rows: Numbers, labels: NDArray[np.int64], radii: Numbers) -> NDArray[np.bool_]:
        """Return for which rows it is proven that no change within their radius (rows,) changes the label."""
        reach = radii[:, None] * self.domain.ranges
        low = np.maximum(rows - reach, np.minimum(self.domain.low, rows))
        high = np.minimum(rows + reach, np.maximum(self.domain.high, rows))
        return np.asarray(least_margins(self.program, Box(low, high), labels) > 0)
