"""How much it takes to change what the submitted model says. Only where it is asked for.

Changes are measured in shares of each column's range in the data (L-infinity), and made on the model itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.model_evidence import ModelEvidence

_RADII = (0.01, 0.02, 0.05, 0.1)


def _check_budget(rows: int, budget_s: float, radii: Sequence[float]) -> None:
    if rows < 1 or not budget_s > 0 or not all(radius > 0 for radius in radii):
        raise ValueError("rows has to be at least 1, budget_s and every radius above 0")


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Accuracy or R2, and labels that stay, when X is disturbed: noise, gaps, shuffled columns, rounding, drift."""

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "noise"
    is_default: ClassVar[bool] = False

    sizes: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2)
    """Of the noise, in shares of each column's range; share of values that are replaced or rounded."""
    repeats: int = 5
    """Of each disturbance, with other random numbers."""
    seed: int = 0
    """Of the disturbances."""
    budget_s: float = 60.0
    """Disturbances that are not reached by then have no figure, with that reason."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        _check_budget(self.repeats, self.budget_s, self.sizes)

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the figures under each disturbance."""
        from mltest.coordinator.builder.judging.disturbance.disturbances import noise_facts

        return noise_facts(
            evidence, self.name, sizes=self.sizes, repeats=self.repeats, seed=self.seed, budget_s=self.budget_s
        ).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class LinearRadius:
    """The exact smallest change that changes the label of a linear classifier, by its closed form; each verified.

    Source: Szegedy et al. 2013 ask for it; for a linear model it is the distance to the hyperplane in the dual norm.
    """

    needs: ClassVar[Needs] = Needs(
        tasks=(Task.CLASSIFICATION,), families=("linear", "svm"), formats=("skops", "pickle"), target=True
    )
    name: ClassVar[str] = "linear radius"
    is_default: ClassVar[bool] = False

    radii: tuple[float, ...] = _RADII
    """At which the robust accuracy is given, of the rows with the right label."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        _check_budget(1, 1.0, self.radii)

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return radii and robust accuracy, or why there is no closed form."""
        from mltest.coordinator.builder.judging.linear_radius import linear_radius_facts

        return linear_radius_facts(evidence, self.name, radii=self.radii).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRadius:
    """How much it takes to change the label of trees: exactly with Veritas, else a sound lower bound.

    What Veritas does not finish stays between what is certified and the smallest change that the model confirmed. One
    tree is exact without it, too. Sources: Devos, Meert and Davis 2021, "Versatile verification of tree ensembles";
    Chen et al. 2019, "Robustness verification of tree-based models".
    """

    needs: ClassVar[Needs] = Needs(
        tasks=(Task.CLASSIFICATION,), families=("forest", "boosting", "tree", "bagging"), target=True
    )
    name: ClassVar[str] = "tree radius"
    is_default: ClassVar[bool] = False

    rows: int = 50
    """The first rows with the right label that are looked at."""
    radii: tuple[float, ...] = _RADII
    """At which the robust accuracy is given, of the rows with the right label."""
    row_budget_s: float = 5.0
    """After which a row keeps the bounds that it has."""
    budget_s: float = 60.0
    """Rows that are not reached by then are counted."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        _check_budget(self.rows, min(self.budget_s, self.row_budget_s), self.radii)

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return radii and robust accuracy, or why the trees cannot be read."""
        from mltest.coordinator.builder.judging.ensembles.tree_radius_facts import tree_radius_facts

        return tree_radius_facts(
            evidence,
            self.name,
            rows=self.rows,
            radii=self.radii,
            row_budget_s=self.row_budget_s,
            budget_s=self.budget_s,
        ).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAttack:
    """The smallest change that an attack finds to change the label, asking the model for labels only; any classifier.

    What is found is an upper bound of the radius: a smaller change may exist. Every one is an answer of the model.
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), target=True)
    name: ClassVar[str] = "label attack"
    is_default: ClassVar[bool] = False

    rows: int = 20
    """The first rows with the right label that are attacked."""
    steps: int = 25
    """Batches of proposals for each row."""
    radii: tuple[float, ...] = _RADII
    """At which the share of rows that withstood is given."""
    seed: int = 0
    """Of the proposals."""
    budget_s: float = 60.0
    """Rows that are not reached by then are counted."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        _check_budget(self.rows, self.budget_s, self.radii)
        if self.steps < 0:
            raise ValueError("steps cannot be negative")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return what was found, and for how many rows the budget did not suffice."""
        from mltest.coordinator.builder.judging.disturbance.label_attack import label_attack_facts

        return label_attack_facts(
            evidence,
            self.name,
            rows=self.rows,
            steps=self.steps,
            radii=self.radii,
            seed=self.seed,
            budget_s=self.budget_s,
        ).results
