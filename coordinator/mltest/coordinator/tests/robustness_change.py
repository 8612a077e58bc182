"""What quantising or pruning did to robustness. Only where it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.candidate_evidence import CandidateEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class RobustnessChange:
    """A lossy candidate minus the submitted model, under the same attack on both, which asks for labels only.

    It begins at the same rows with the same seed, and each label is an answer of the artifact itself. Below 0: smaller
    changes suffice than before. Intervals are by a paired bootstrap over rows.
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), target=True)
    name: ClassVar[str] = "robustness change"
    is_default: ClassVar[bool] = False

    rows: int = 20
    """The first rows that the submitted model has right."""
    steps: int = 10
    """Batches of proposals for each row."""
    radii: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1)
    """At which the share of rows that withstood is compared, in shares of each column's range."""
    seed: int = 0
    """Of the proposals, and of the bootstrap."""
    budget_s: float = 60.0
    """For each artifact; rows that are not reached by then are counted."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.rows < 1 or self.steps < 0 or not self.budget_s > 0 or not all(radius > 0 for radius in self.radii):
            raise ValueError("rows has to be at least 1, steps at least 0, budget_s and every radius above 0")

    def compare(self, evidence: "CandidateEvidence") -> Sequence[Result]:
        """Return the changes, and for how many rows the budget did not suffice."""
        from mltest.coordinator.builder.judging.disturbance.robustness_change import robustness_change

        return robustness_change(
            evidence,
            self.name,
            rows=self.rows,
            steps=self.steps,
            radii=self.radii,
            seed=self.seed,
            budget_s=self.budget_s,
        ).results
