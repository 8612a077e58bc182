"""Points of curves: ROC and precision-recall of each class, calibration, residuals. Only where they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.judged import Findings
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence

_RATES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
_RECALLS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_QUANTILES = (0, 5, 25, 50, 75, 95, 100)


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """ROC and precision-recall curve of each class against the rest at ten points, and accuracy by confidence."""

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), target=True)
    name: ClassVar[str] = "curves"
    is_default: ClassVar[bool] = False

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return the points; a curve that cannot be had says why."""
        from mltest.coordinator.builder.judging.measures.curve_points import (
            calibration_points,
            precision_points,
            roc_points,
        )

        evidence = evidence.judged()
        findings = Findings(self.name, evidence)
        roc, reason = roc_points(evidence, _RATES)
        for label, value in roc:
            findings.add("roc_recall", value, statistic="curve", label=label)
        if reason:
            findings.add("roc_recall", None, statistic="curve", reason=reason)
            findings.add("pr_precision", None, statistic="curve", reason=reason)
        else:
            for label, value in precision_points(evidence, _RECALLS):
                findings.add("pr_precision", value, statistic="curve", label=label)
        calibration, reason = calibration_points(evidence)
        for label, value, count in calibration:
            findings.add("calibration_accuracy", value, statistic="curve", label=label, count=count)
        if reason:
            findings.add("calibration_accuracy", None, statistic="curve", reason=reason)
        return findings.results

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: a curve gates nothing."""
        return ""


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Quantiles of what was predicted minus what is true; its mean and spread by the size of predictions."""

    needs: ClassVar[Needs] = Needs(tasks=(Task.REGRESSION,), target=True)
    name: ClassVar[str] = "residuals"
    is_default: ClassVar[bool] = False

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return quantiles over all targets, and for one target the residuals by tenths of the predicted values."""
        import numpy as np

        from mltest.coordinator.builder.judging.measures.curve_points import residual_points

        evidence = evidence.judged()
        assert evidence.truth is not None
        assert evidence.predictions.scores is not None
        findings = Findings(self.name, evidence)
        truth = evidence.truth.astype(np.float64).reshape(len(evidence.truth), -1)
        if truth.shape != evidence.predictions.scores.shape:
            findings.add("residual", None, reason="the model and y do not have the same number of values a row")
            return findings.results
        values = np.percentile(evidence.predictions.scores - truth, _QUANTILES)
        for quantile, value in zip(_QUANTILES, values.tolist(), strict=True):
            findings.add("residual", value, statistic="curve", label=f"p{quantile}")
        for label, own in (
            residual_points(truth[:, 0], evidence.predictions.scores[:, 0]) if truth.shape[1] == 1 else ()
        ):
            findings.add("residual_mean", own.mean(), statistic="curve", label=label, count=len(own))
            findings.add("residual_deviation", own.std(), statistic="curve", label=label, count=len(own))
        return findings.results

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: a curve gates nothing."""
        return ""
