"""Which features a model goes by; each importance says by which method it was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.model_evidence import ModelEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class NativeImportance:
    """The model's own account: impurity for trees, size of weights times spread of columns for linear models."""

    needs: ClassVar[Needs] = Needs(
        families=("forest", "boosting", "tree", "linear", "svm"), formats=("skops", "pickle")
    )
    name: ClassVar[str] = "native importance"

    shown_features: int = 20
    """The most important ones."""

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the importance of each feature, or why the model has no account of it."""
        from mltest.coordinator.builder.judging.importance_facts import native_importance

        return native_importance(evidence, self.name, shown_features=self.shown_features).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class PermutationImportance:
    """How much accuracy or R2 is lost when one column is shuffled; of any model. Only where it is asked for.

    Source: Breiman 2001, "Random forests", section 10.
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION, Task.REGRESSION), target=True)
    name: ClassVar[str] = "permutation importance"
    is_default: ClassVar[bool] = False

    repeats: int = 5
    """Shuffles of each column; the interval is that of their mean."""
    shown_features: int = 20
    """The most important ones."""
    seed: int = 0
    """Of the shuffles."""
    budget_s: float = 60.0
    """Columns that are not reached by then have no importance, with that reason."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.repeats < 1 or self.shown_features < 1 or not self.budget_s > 0:
            raise ValueError("repeats and shown_features have to be at least 1, budget_s above 0")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the importance of each feature that was reached."""
        from mltest.coordinator.builder.judging.importance_facts import permutation_importance

        return permutation_importance(
            evidence,
            self.name,
            repeats=self.repeats,
            shown_features=self.shown_features,
            seed=self.seed,
            budget_s=self.budget_s,
        ).results
