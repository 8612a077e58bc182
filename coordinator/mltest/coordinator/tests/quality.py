"""How good a candidate's own predictions are, by the true values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.confusion import Confusion
from mltest.coordinator.tests.judged_quality import judged_quality
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.coordinator.tests.wilson import wilson_interval
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationQuality:
    """Accuracy, precision, recall, F1, ROC AUC, log loss and the confusion matrix (its empty cells are left out)."""

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), target=True)
    name: ClassVar[str] = "quality"

    per_class: bool = True
    """Whether precision, recall and F1 are given for each class as well."""

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return every metric; one that cannot be had says why."""
        import numpy as np

        whole, evidence = evidence, evidence.judged()
        assert evidence.truth is not None
        assert evidence.predictions.labels is not None
        truth = evidence.truth.astype(np.int64)
        confusion = Confusion.of(truth, evidence.predictions.labels, evidence.model.classes)
        found = _Found(evidence)
        right = confusion.right_count
        low, high = wilson_interval(right, len(truth))
        found.add("accuracy", right / len(truth), low=low, high=high)
        found.add("balanced_accuracy", confusion.balanced_accuracy())
        for metric, average, mean in confusion.averages():
            found.add(metric, mean, statistic=average)
        for metric, label, value, reason in confusion.by_class() if self.per_class else ():
            found.add(metric, value, statistic="class", label=label, reason=reason)
        for metric, (value, reason) in (("roc_auc", _roc_auc(evidence)), ("log_loss", _log_loss(evidence))):
            found.add(metric, value, reason=reason)
        for label, count in confusion.cells():
            found.add("confusion_count", count, label=label)
        return [*found.results, judged_quality(whole)]

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how good is good enough is the user's to say, as a bound in the plan."""
        return ""


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionQuality:
    """Mean squared error, mean absolute error and the coefficient of determination; means over several targets."""

    needs: ClassVar[Needs] = Needs(tasks=(Task.REGRESSION,), target=True)
    name: ClassVar[str] = "quality"

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return every metric; one that cannot be had says why."""
        import numpy as np

        whole, evidence = evidence, evidence.judged()
        assert evidence.truth is not None
        assert evidence.predictions.scores is not None
        truth = evidence.truth.astype(np.float64).reshape(len(evidence.truth), -1)
        found = _Found(evidence)
        if truth.shape != evidence.predictions.scores.shape:
            reason = f"the model gives {evidence.predictions.scores.shape[1]} values a row, y has {truth.shape[1]}"
            for metric in ("mse", "mae", "r2"):
                found.add(metric, None, reason=reason)
            return found.results
        errors = evidence.predictions.scores - truth
        spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
        found.add("mse", float((errors**2).mean()))
        found.add("mae", float(np.abs(errors).mean()))
        if bool((spread > 0).all()):
            found.add("r2", float((1 - (errors**2).sum(axis=0) / spread).mean()))
        else:
            found.add("r2", None, reason="the true values are all the same")
        return [*found.results, judged_quality(whole)]

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how good is good enough is the user's to say, as a bound in the plan."""
        return ""


class _Found:
    def __init__(self, evidence: "PredictionEvidence") -> None:
        self.results: list[Result] = []
        self._evidence = evidence

    def add(
        self,
        metric: str,
        value: float | None,
        *,
        statistic: str = "value",
        label: str = "",
        low: float | None = None,
        high: float | None = None,
        reason: str = "",
    ) -> None:
        """Add one result; `reason` says why there is no value."""
        self.results.append(
            Result(
                candidate_id=self._evidence.candidate_id,
                agent_id=self._evidence.agent_id,
                test="quality",
                metric=metric,
                statistic=statistic,
                label=label,
                value=value,
                low=low,
                high=high,
                count=len(self._evidence.rows),
                reason=reason,
            )
        )


def _roc_auc(evidence: "PredictionEvidence") -> tuple[float | None, str]:
    """Return the mean over classes of the area of each against the rest; for two classes, that of the second."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    scores, class_count = evidence.predictions.scores, len(evidence.model.classes)
    assert evidence.truth is not None
    if scores is None:
        return None, "the model gives labels only, and the area needs scores"
    if scores.shape[1] != (1 if class_count == 2 and scores.shape[1] == 1 else class_count):
        return None, f"the model gives {scores.shape[1]} scores for {class_count} classes"
    missing = [evidence.model.classes[index] for index in range(class_count) if not (evidence.truth == index).any()]
    if missing:
        return None, f"no row has the class {missing[0]}; the area needs rows of every class"
    if class_count < 2:
        return None, "the model has one class only"
    if class_count == 2:
        return float(roc_auc_score(evidence.truth == 1, scores[:, -1])), ""
    areas = [roc_auc_score(evidence.truth == index, scores[:, index]) for index in range(class_count)]
    return float(np.mean(areas)), ""


def _log_loss(evidence: "PredictionEvidence") -> tuple[float | None, str]:
    import numpy as np

    predictions, class_count = evidence.predictions, len(evidence.model.classes)
    assert evidence.truth is not None
    if predictions.scores is None or not predictions.are_probabilities:
        return None, "the model gives no probabilities"
    if predictions.scores.shape[1] != class_count:
        return None, f"the model gives {predictions.scores.shape[1]} probabilities for {class_count} classes"
    shares = predictions.scores / predictions.scores.sum(axis=1, keepdims=True)
    of_truth = np.take_along_axis(shares, evidence.truth.astype(np.int64)[:, None], axis=1)
    # A certain mistake would be infinite; like scikit-learn, the smallest step of float64 bounds it.
    return float(-np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1)).mean()), ""
