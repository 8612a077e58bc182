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
        from mltest.coordinator.builder.judging.importance.importance_facts import native_importance

        return native_importance(evidence, self.name, shown_features=self.shown_features).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class ShapImportance:
    """The mean size of each feature's share in single predictions (Shapley values), where they are exact and cheap.

    Of models of XGBoost, LightGBM and CatBoost as these libraries compute them; of other trees by path-dependent
    TreeSHAP with branches counted in the training rows (--training), or else in these data; of linear models in closed
    form. Shares are of raw scores, before a link such as the logistic; they have to add up to what the model says.

    Source: Lundberg & Lee 2017, "A unified approach to interpreting model predictions".
    """

    needs: ClassVar[Needs] = Needs(families=("forest", "boosting", "tree", "bagging", "linear", "svm"))
    name: ClassVar[str] = "shap importance"

    rows: int = 50
    """Whose predictions are explained, drawn at random; the interval is over them."""
    background_rows: int = 500
    """By which branches are counted, or columns averaged; drawn at random."""
    shown_features: int = 20
    """The most important ones."""
    seed: int = 0
    """Of both draws."""
    budget_s: float = 20.0
    """Rows that are not reached by then take no part."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if min(self.rows, self.background_rows, self.shown_features) < 1 or not self.budget_s > 0:
            raise ValueError("rows, background_rows and shown_features have to be at least 1, budget_s above 0")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the importance of each feature, or why there is none."""
        from mltest.coordinator.builder.judging.importance.shap_facts import shap_facts

        return shap_facts(
            evidence,
            self.name,
            rows=self.rows,
            background_rows=self.background_rows,
            shown_features=self.shown_features,
            seed=self.seed,
            budget_s=self.budget_s,
        ).results


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
        from mltest.coordinator.builder.judging.importance.importance_facts import permutation_importance

        return permutation_importance(
            evidence,
            self.name,
            repeats=self.repeats,
            shown_features=self.shown_features,
            seed=self.seed,
            budget_s=self.budget_s,
        ).results
