"""How much it takes to change what a support vector machine says. Only where it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result

if TYPE_CHECKING:
    from mltest.coordinator.builder.model_evidence import ModelEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class VectorRadius:
    """A sound lower bound of the change that changes a support vector machine's label, and an attack from above.

    Kernels are linear, polynomial, rbf and sigmoid. Of a regressor: how far its value can change within a radius.
    Source of the bound: Ranzato and Zanella 2019, "Robustness verification of support vector machines".
    """

    needs: ClassVar[Needs] = Needs(families=("svm",), formats=("skops", "pickle"), target=True)
    name: ClassVar[str] = "vector radius"
    is_default: ClassVar[bool] = False

    rows: int = 50
    """The first rows with the right label that are looked at; of a regressor the first rows."""
    radii: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1)
    """In shares of each column's range: at which robust accuracy, or the change of values, is given."""
    seed: int = 0
    """Of the attack."""
    budget_s: float = 60.0
    """Rows that are not reached by then are counted."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.rows < 1 or not self.budget_s > 0 or not all(radius > 0 for radius in self.radii):
            raise ValueError("rows has to be at least 1, budget_s and every radius above 0")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return both bounds, or why the machine has none."""
        from mltest.coordinator.builder.judging.vectors.vector_radius import vector_radius_facts

        return vector_radius_facts(
            evidence, self.name, rows=self.rows, radii=self.radii, seed=self.seed, budget_s=self.budget_s
        ).results
