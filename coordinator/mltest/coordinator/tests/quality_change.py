"""Whether a candidate is better or worse than the native model, by a paired test on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.judged import Findings
from mltest.coordinator.tests.quality import checked_resamples
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence

_CHANGES = {
    Task.CLASSIFICATION: ("accuracy", "f1", "roc_auc", "log_loss", "brier", "calibration_error"),
    Task.REGRESSION: ("mse", "mae", "r2"),
}
_STATISTICS = {"f1": "macro"}


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class QualityChange:
    """The candidate minus the native model: accuracy, calibration, the worst class; or errors of values.

    Intervals are by a paired bootstrap: both are measured on the same drawn rows. The p-value is that of McNemar's
    exact test for labels, and of Wilcoxon's signed-rank test on absolute errors for values. A candidate that says what
    the native model says has changes of 0 and a p-value of 1; the changes of one that means to change nothing, and
    changes no label, are rounding and have no intervals.
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION, Task.REGRESSION), target=True)
    name: ClassVar[str] = "quality change"

    resamples: int = 500
    """Of the bootstrap; 0: no intervals."""
    seed: int = 0
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        checked_resamples(self.resamples)

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return every change; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.measures.paired_quality import changes_of, p_value, swapped_rows

        evidence = evidence.judged()
        changes = changes_of(evidence, resamples=self.resamples, seed=self.seed)
        findings = Findings(self.name, evidence, changes.intervals)
        for metric in _CHANGES[evidence.model.task]:
            value = changes.values.get((metric, _STATISTICS.get(metric, "value"), ""))
            interval = changes.intervals.get((metric, _STATISTICS.get(metric, "value"), ""))
            findings.add(f"{metric}_change", value, interval=interval, reason=changes.reasons.get(metric, ""))
        if evidence.model.task is Task.CLASSIFICATION:
            _add_worst_class(findings, evidence.model.classes, changes.values, changes.intervals)
            lost, won = swapped_rows(evidence)
            findings.add("lost_row_count", lost)
            findings.add("won_row_count", won)
        value, reason = p_value(evidence)
        findings.add("quality_change_p", value, reason=reason)
        return findings.results

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how much a lossy candidate may lose is what the check of agreement gates."""
        return ""


def _add_worst_class(
    findings: Findings,
    classes: Sequence[str],
    values: Mapping[tuple[str, str, str], float],
    intervals: Mapping[tuple[str, str, str], tuple[float, float]],
) -> None:
    """Add the change of recall of the class that lost most."""
    recalls = [(values[key], key) for name in classes if (key := ("recall", "class", name)) in values]
    if recalls:
        value, key = min(recalls, key=lambda found: found[0])
        findings.add("worst_recall_change", value, label=key[2], interval=intervals.get(key))
