"""How good a candidate's own predictions are, by the true values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.confusion import Confusion
from mltest.coordinator.tests.judged import Findings
from mltest.coordinator.tests.judged_quality import judged_quality
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.coordinator.tests.wilson import wilson_interval
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence

_RESAMPLES = 500
_SEED = 0
_MOST_RESAMPLES = 100_000
_CALIBRATION = ("calibration_error", "value", "")


def checked_resamples(resamples: int) -> None:
    """Refuse what makes no sense (ValueError)."""
    if not 0 <= resamples <= _MOST_RESAMPLES:
        raise ValueError(f"resamples has to be from 0 (no intervals) to {_MOST_RESAMPLES}")


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationQuality:
    """Accuracy, precision, recall, F1, areas under curves, log loss, Brier score, calibration, confusion matrix.

    Intervals are by the bootstrap over rows, that of the accuracy is Wilson's; that of the calibration error begins at
    0 where a calibrated model would show as much by chance. Empty cells of the matrix are left out.
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), target=True)
    name: ClassVar[str] = "quality"

    per_class: bool = True
    """Whether precision, recall and F1 are given for each class as well."""
    resamples: int = _RESAMPLES
    """Of the bootstrap; 0: no intervals but that of the accuracy."""
    seed: int = _SEED
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        checked_resamples(self.resamples)

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return every metric; one that cannot be had says why."""
        import numpy as np

        from mltest.coordinator.builder.judging.measures.bootstrap import intervals, points, resampled
        from mltest.coordinator.builder.judging.measures.calibration_interval import calibration_interval
        from mltest.coordinator.builder.judging.measures.measures import (
            PROBABILISTIC,
            RANKED,
            class_shares,
            measures_of,
        )

        whole, evidence = evidence, evidence.judged()
        assert evidence.truth is not None
        assert evidence.predictions.labels is not None
        truth = evidence.truth.astype(np.int64)
        found = measures_of(evidence.model, truth, evidence.predictions, per_class=self.per_class)
        values = points(found.measures, len(truth))
        drawn = resampled(found.measures, len(truth), resamples=self.resamples, seed=self.seed)
        known = intervals(drawn)
        shares, _ = class_shares(evidence.model, evidence.predictions)
        if shares is not None and _CALIBRATION in known:
            known[_CALIBRATION] = calibration_interval(values[_CALIBRATION], drawn[_CALIBRATION], shares)
        findings = Findings(self.name, evidence, known)
        confusion = Confusion.of(truth, evidence.predictions.labels, evidence.model.classes)
        _add_labels(findings, confusion, len(truth), per_class=self.per_class)
        findings.add("mcc", values["mcc", "value", ""])
        for metric in (*RANKED, *PROBABILISTIC):
            reason = found.reasons.get(metric, "") or found.remarks.get(metric, "")
            findings.add(metric, values.get((metric, "value", "")), reason=reason)
        for label, count in confusion.cells():
            findings.add("confusion_count", count, label=label)
        return [*findings.results, judged_quality(whole)]

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how good is good enough is the user's to say, as a bound in the plan."""
        return ""


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionQuality:
    """MSE, RMSE, MAE, median absolute error, MAPE and the coefficient of determination; means over several targets.

    Intervals are by the bootstrap over rows; where few rows make up half of a figure, that stands beside it.
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.REGRESSION,), target=True)
    name: ClassVar[str] = "quality"

    resamples: int = _RESAMPLES
    """Of the bootstrap; 0: no intervals."""
    seed: int = _SEED
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        checked_resamples(self.resamples)

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return every metric; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.measures.bootstrap import intervals, points, resampled
        from mltest.coordinator.builder.judging.measures.measures import VALUED, measures_of

        whole, evidence = evidence, evidence.judged()
        assert evidence.truth is not None
        found = measures_of(evidence.model, evidence.truth, evidence.predictions)
        values = points(found.measures, len(evidence.rows))
        drawn = resampled(found.measures, len(evidence.rows), resamples=self.resamples, seed=self.seed)
        findings = Findings(self.name, evidence, intervals(drawn))
        for metric in VALUED:
            reason = found.reasons.get(metric, "")
            value = None if reason else values.get((metric, "value", ""))
            findings.add(metric, value, reason=reason or found.remarks.get(metric, ""))
        return [*findings.results, judged_quality(whole)]

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how good is good enough is the user's to say, as a bound in the plan."""
        return ""


def _add_labels(findings: Findings, confusion: Confusion, row_count: int, *, per_class: bool) -> None:
    right = confusion.right_count
    findings.add("accuracy", right / row_count, interval=wilson_interval(right, row_count))
    findings.add("balanced_accuracy", confusion.balanced_accuracy())
    for metric, average, mean in confusion.averages():
        findings.add(metric, mean, statistic=average)
    for metric, label, value, reason in confusion.by_class() if per_class else ():
        findings.add(metric, value, statistic="class", label=label, reason=reason)
