"""How good the clusters are that a candidate puts rows into."""

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
class ClusteringQuality:
    """Silhouette, Calinski-Harabasz, Davies-Bouldin; with true values adjusted Rand index, NMI, V-measure.

    By distances in X as it is given, not as a pipeline scales it. Intervals are by the bootstrap over rows.
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLUSTERING,))
    name: ClassVar[str] = "quality"

    resamples: int = 200
    """Of the bootstrap; 0: no intervals."""
    seed: int = 0
    """Of the bootstrap, and of the rows that the silhouette is of."""
    silhouette_rows: int = 1000
    """The silhouette compares every row with every other one: of so many at most, drawn at random."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        checked_resamples(self.resamples)
        if not 2 <= self.silhouette_rows <= 5_000:
            raise ValueError("silhouette_rows has to be from 2 to 5000")

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return every index; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.measures.cluster_figures import cluster_figures

        evidence = evidence.judged()
        findings = Findings(self.name, evidence)
        for figure in cluster_figures(
            evidence, resamples=self.resamples, seed=self.seed, silhouette_rows=self.silhouette_rows
        ):
            findings.add(
                figure.metric,
                figure.value,
                statistic=figure.statistic,
                label=figure.label,
                interval=figure.interval,
                count=figure.count,
                reason=figure.reason,
            )
        return findings.results

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how good is good enough is the user's to say, as a bound in the plan."""
        return ""
