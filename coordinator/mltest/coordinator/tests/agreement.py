"""How far a candidate's predictions are from those of the native model; the gate before any ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.analysis.arithmetic import allowed_shift
from mltest.coordinator.tests.lossy_gate import DIFFERING_RATIO, QUALITY_LOSS, lossy_reason, quality_loss
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.coordinator.tests.row_differences import (
    are_probabilities,
    equal_labels,
    explained_difference,
    row_differences,
    tied_labels,
)
from mltest.coordinator.tests.wilson import wilson_interval
from mltest.shared.domain import Output, Result, Task
from mltest.shared.units import ratio_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.coordinator.builder.evidence import PredictionEvidence

LARGEST_VALUE = "largest_value"
"""Metric of the largest score of the native model, by which the size of a difference is judged."""
_WORST_ROWS = 5


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement with the model as submitted, in its own library, row by row.

    Every label has to be the native one, and no score may be farther away than the arithmetic of its type explains: an
    exporter that changes the model does not pass, not even in one row of 10,000 or by 1e-4.

    A forest of fully grown trees often gives two classes the same probability; which of them becomes the label then
    hangs on the last bit. Such a tie is reported as a difference, but it does not gate.

    A candidate whose recipe means to change predictions (quantised, pruned) is held to two limits instead: the share of
    labels that differ, and the quality that it loses.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "agreement"

    min_label_agreement: float = 1.0
    """Share of rows that must have the native label; of a classifier."""
    max_abs_difference: float = 0.0
    """Largest difference of a probability or value (of a classifier: for that same share of rows); 0: what arithmetic
    in the type of the candidate's input explains, 1e-5 for float32 and 1e-12 for float64, times the largest value."""
    tie_tolerance: float = 1e-6
    """Two probabilities of the native model that are not farther apart are a tie: either label is its answer."""
    lossy_max_differing_ratio: float = DIFFERING_RATIO
    """Share of labels that a lossy candidate may change, 0 to 1."""
    lossy_max_quality_loss: float = QUALITY_LOSS
    """Accuracy or coefficient of determination that a lossy candidate may lose."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.min_label_agreement <= 1:
            raise ValueError("min_label_agreement has to be between 0 and 1")
        if not min(self.max_abs_difference, self.tie_tolerance) >= 0:
            raise ValueError("a largest difference cannot be negative")
        if not 0 <= self.lossy_max_differing_ratio <= 1:
            raise ValueError("lossy_max_differing_ratio has to be between 0 and 1")
        if not self.lossy_max_quality_loss >= 0:
            raise ValueError("lossy_max_quality_loss cannot be negative")

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return label agreement, the largest difference and the worst rows; what cannot be had says why."""
        return [*self._label_agreement(evidence), *self._differences(evidence), *_losses(evidence)]

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return why these predictions are not those of the model; empty if they are."""
        if reason := misfit(evidence):
            return reason
        if evidence.is_lossy:
            return lossy_reason(
                evidence,
                max_differing_ratio=self.lossy_max_differing_ratio,
                max_quality_loss=self.lossy_max_quality_loss,
            )
        return self._value_gate(evidence) if evidence.model.task is Task.REGRESSION else self._class_gate(evidence)

    def _label_agreement(self, evidence: "PredictionEvidence") -> list[Result]:
        if not evidence.model.task.gives_labels:
            return []
        equal = equal_labels(evidence)
        low, high = wilson_interval(int(equal.sum()), len(equal))
        tied = int((~equal & tied_labels(evidence, self.tie_tolerance)).sum())
        return [
            _result(evidence, "label_agreement", float(equal.mean()), low=low, high=high),
            *([_result(evidence, "tied_label_count", tied)] if tied else []),
            *_differing_rows(evidence, equal),
        ]

    def _differences(self, evidence: "PredictionEvidence") -> list[Result]:
        differences = row_differences(evidence)
        if differences is None:
            return [_result(evidence, "max_abs_difference", None, reason=_no_scores(evidence))]
        worst = sorted(range(len(differences)), key=lambda row: -differences[row])[:_WORST_ROWS]
        assert evidence.reference.scores is not None
        return [
            _result(evidence, "max_abs_difference", float(differences.max())),
            _result(evidence, LARGEST_VALUE, float(abs(evidence.reference.scores).max())),
            *(
                _result(evidence, "worst_row_difference", float(differences[row]), label=str(row))
                for row in worst
                if differences[row] > 0
            ),
        ]

    def _class_gate(self, evidence: "PredictionEvidence") -> str:
        right = equal_labels(evidence) | tied_labels(evidence, self.tie_tolerance)
        if right.mean() < self.min_label_agreement:
            return (
                f"{int((~right).sum())} of {len(right)} labels differ from the native model "
                f"(agreement {_share(right)}, at least {self.min_label_agreement:g} is needed; "
                "--min-agreement, in a plan min_label_agreement, sets it)"
            )
        differences = row_differences(evidence)
        if differences is None or not (are_probabilities(evidence) or evidence.model.output is Output.SCORES):
            return ""
        allowed = self._allowed(evidence)
        close = differences <= allowed
        if close.mean() < self.min_label_agreement:
            what = "probability" if are_probabilities(evidence) else "score"
            return (
                f"in {int((~close).sum())} of {len(close)} rows a {what} differs from the native model by more than "
                f"{allowed:.2g} (at most {differences.max():.2g}; --max-difference, in a plan max_abs_difference, sets "
                "what is allowed)"
            )
        return ""

    def _value_gate(self, evidence: "PredictionEvidence") -> str:
        differences = row_differences(evidence)
        assert differences is not None
        allowed = self._allowed(evidence)
        if not differences.max() <= allowed:
            return (
                f"a value differs by {differences.max():.3g} from the native model in "
                f"{int((differences > allowed).sum())} of {len(differences)} rows; at most {allowed:.3g} is allowed "
                "(--max-difference, in a plan max_abs_difference, sets it)"
            )
        return self._shift_gate(evidence)

    def _shift_gate(self, evidence: "PredictionEvidence") -> str:
        """Find what moves all rows the same way by less than rounding moves single ones."""
        import numpy as np

        ours, theirs = evidence.predictions.scores, evidence.reference.scores
        assert ours is not None
        assert theirs is not None
        shift = float(np.abs(np.median(ours - theirs, axis=0)).max())
        allowed = self.max_abs_difference or allowed_shift(float(np.abs(theirs).mean()), evidence.input_dtype)
        if shift <= allowed:
            return ""
        return (
            f"its values are shifted by {shift:.3g} from the native model (median); at most {allowed:.3g} is allowed "
            "(--max-difference, in a plan max_abs_difference, sets it)"
        )

    def _allowed(self, evidence: "PredictionEvidence") -> float:
        return self.max_abs_difference or explained_difference(evidence)


def misfit(evidence: "PredictionEvidence") -> str:
    """Return why predictions cannot be compared with the native ones at all; empty if they can."""
    import numpy as np

    predictions = evidence.predictions
    needed = "scores" if evidence.model.task is Task.REGRESSION else "labels"
    if getattr(predictions, needed) is None:
        return f"its predictions have no {'values' if needed == 'scores' else needed}"
    for name in ("labels", "scores"):
        found = getattr(predictions, name)
        if found is not None and (found.ndim != (1 if name == "labels" else 2) or len(found) != len(evidence.rows)):
            return f"its {name} have shape {found.shape} for {len(evidence.rows)} rows"
    if predictions.labels is not None and not (
        np.issubdtype(predictions.labels.dtype, np.integer)
        and bool(((predictions.labels >= -1) & (predictions.labels < len(evidence.model.classes))).all())
    ):
        return "its labels are not positions of classes"
    if predictions.scores is not None and not bool(np.isfinite(predictions.scores).all()):
        rows = np.flatnonzero(~np.isfinite(predictions.scores).all(axis=1))
        return f"it predicts NaN or infinity in {len(rows)} rows (first: row {rows[0]})"
    if evidence.model.task is Task.REGRESSION and row_differences(evidence) is None:
        return "it gives another number of values for each row than the native model"
    return ""


def _no_scores(evidence: "PredictionEvidence") -> str:
    """Return why there are no differences of scores."""
    ours, theirs = evidence.predictions.scores, evidence.reference.scores
    if ours is None and theirs is None:
        return "the model gives labels only, and no scores that could differ"
    return "the candidate and the native model do not give the same kind of scores"


def _losses(evidence: "PredictionEvidence") -> list[Result]:
    """Return the loss of quality, which is what a lossy candidate is judged by."""
    loss = quality_loss(evidence) if evidence.is_lossy else None
    return [] if loss is None else [_result(evidence, "quality_loss", loss)]


def _differing_rows(evidence: "PredictionEvidence", equal: "NDArray[np.bool_]") -> list[Result]:
    """Return the first rows whose label differs, each with the native and the candidate's class."""
    assert evidence.predictions.labels is not None
    assert evidence.reference.labels is not None
    names = [*evidence.model.classes, "?"]
    return [
        _result(
            evidence,
            "differing_row",
            row,
            label=f"{names[evidence.reference.labels[row]]}>{names[evidence.predictions.labels[row]]}",
        )
        for row in (~equal).nonzero()[0].tolist()[:_WORST_ROWS]
    ]


def _share(rows: "NDArray[np.bool_]") -> str:
    """Return a share of rows that never reads 1.0000 if it is less."""
    return ratio_text(float(rows.mean()))


def _result(
    evidence: "PredictionEvidence",
    metric: str,
    value: float | None,
    *,
    label: str = "",
    low: float | None = None,
    high: float | None = None,
    reason: str = "",
) -> Result:
    return Result(
        candidate_id=evidence.candidate_id,
        agent_id=evidence.agent_id,
        test=Agreement.name,
        metric=metric,
        label=label,
        value=value,
        low=low,
        high=high,
        count=len(evidence.rows),
        reason=reason,
    )
