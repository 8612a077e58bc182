"""Results of tests of predictions, each with what names it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mltest.shared.domain import Result

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence

_NO_INTERVALS: Mapping[tuple[str, str, str], tuple[float, float]] = {}


class Findings:
    """The results of one test on one set of predictions."""

    def __init__(
        self,
        test: str,
        evidence: "PredictionEvidence",
        intervals: Mapping[tuple[str, str, str], tuple[float, float]] = _NO_INTERVALS,
    ) -> None:
        """Collect for `test`; `intervals` are taken by metric, statistic and label where a result has none itself."""
        self.results: list[Result] = []
        self._test = test
        self._evidence = evidence
        self._intervals = intervals

    def add(
        self,
        metric: str,
        value: float | None,
        *,
        statistic: str = "value",
        label: str = "",
        interval: tuple[float, float] | None = None,
        count: int | None = None,
        reason: str = "",
    ) -> None:
        """Add one result; `reason` says why there is no value, or what to know; `count`: of all rows if not given."""
        known = self._intervals.get((metric, statistic, label)) if value is not None else None
        low, high = interval or known or (None, None)
        self.results.append(
            Result(
                candidate_id=self._evidence.candidate_id,
                agent_id=self._evidence.agent_id,
                test=self._test,
                metric=metric,
                statistic=statistic,
                label=label,
                value=None if value is None else float(value),
                low=low,
                high=high,
                count=len(self._evidence.rows) if count is None else count,
                reason=reason,
            )
        )
