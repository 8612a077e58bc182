"""How differently a candidate treats groups of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.judged import Findings
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Metrics of each group, and their disparities: demographic parity, equalized odds, accuracy; errors of values.

    Of two classes the second is the one that is selected; of more, each in turn. Which disparity matters, and how much
    of it is too much, depends on what the predictions are used for: nothing is gated.

    Source: Hardt et al. 2016, "Equality of opportunity in supervised learning".
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION, Task.REGRESSION), target=True, groups=True)
    name: ClassVar[str] = "fairness"

    min_rows: int = 1
    """A group of fewer rows is listed, but takes no part in disparities."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.min_rows < 1:
            raise ValueError("min_rows has to be at least 1")

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return the metrics of each group and the disparities; what cannot be had says why."""
        from mltest.coordinator.builder.judging.measures.group_figures import class_groups, value_groups

        findings = Findings(self.name, evidence.judged())
        of_groups = class_groups if evidence.model.task is Task.CLASSIFICATION else value_groups
        for figure in of_groups(evidence.judged(), min_rows=self.min_rows):
            findings.add(
                figure.metric,
                figure.value,
                statistic=figure.statistic,
                label=figure.label,
                count=figure.count,
                reason=figure.reason,
            )
        return findings.results

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how much disparity is too much is the user's to say."""
        return ""
