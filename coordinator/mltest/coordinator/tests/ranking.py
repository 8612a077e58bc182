"""How well a candidate ranks what users clicked, were every row equally likely to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.judged import Findings
from mltest.coordinator.tests.quality import checked_resamples
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class PropensityRanking:
    """Ranks of clicked rows, each click weighted by 1 / propensity, with the effective sample size of the weights.

    Rows of a query are ranked by the score of the second class, or by the value. The data need arrays or columns called
    clicks, propensities and queries. Intervals are by the bootstrap over queries. Only where it is asked for.

    Source: Joachims, Swaminathan & Schnabel 2017, "Unbiased learning-to-rank with biased feedback".
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION, Task.REGRESSION))
    name: ClassVar[str] = "ranking"
    is_default: ClassVar[bool] = False

    resamples: int = 500
    """Of the bootstrap; 0: no intervals."""
    seed: int = 0
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        checked_resamples(self.resamples)

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return the figures, or why there are none."""
        from mltest.coordinator.builder.judging.measures.bootstrap import intervals, points, resampled
        from mltest.coordinator.builder.judging.measures.ranking_measures import ranking_figures

        found, reason = ranking_figures(evidence)
        if found is None:
            findings = Findings(self.name, evidence)
            findings.add("ips_rank", None, reason=reason)
            return findings.results
        drawn = resampled([found.measure], found.query_count, resamples=self.resamples, seed=self.seed)
        findings = Findings(self.name, evidence, intervals(drawn))
        findings.add("query_count", found.query_count)
        findings.add("click_count", found.click_count)
        findings.add("effective_sample_size", found.effective_count)
        for (metric, _, _), value in points([found.measure], found.query_count).items():
            findings.add(metric, value, count=found.query_count)
        return findings.results

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how good is good enough is the user's to say, as a bound in the plan."""
        return ""
