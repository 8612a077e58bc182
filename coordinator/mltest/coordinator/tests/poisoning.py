"""What one added training row can do to a support vector machine. Only where it is asked for."""

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
class Poisoning:
    """By how much one added training row raises the error of a binary SVC, from its training data (--training).

    The row is optimised against one half of the rows and judged by the other; beside it stands the same row with a
    wrong label only. It is an attack: a worse row may exist.

    Source: Biggio, Nelson and Laskov 2012, "Poisoning attacks against support vector machines", arXiv:1206.6389.
    """

    needs: ClassVar[Needs] = Needs(
        tasks=(Task.CLASSIFICATION,), families=("svm",), formats=("skops", "pickle"), target=True
    )
    name: ClassVar[str] = "poisoning"
    is_default: ClassVar[bool] = False

    starts: int = 5
    """Training rows from which it begins, drawn at random."""
    steps: int = 20
    """Of each; after each the machine is trained again."""
    seed: int = 0
    """Of the draw."""
    budget_s: float = 60.0
    """Starts that are not reached by then are counted."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.starts < 1 or self.steps < 1 or not self.budget_s > 0:
            raise ValueError("starts and steps have to be at least 1, budget_s above 0")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the change of error, or why there is none."""
        from mltest.coordinator.builder.judging.vectors.poisoning import poisoning_facts

        return poisoning_facts(
            evidence, self.name, starts=self.starts, steps=self.steps, seed=self.seed, budget_s=self.budget_s
        ).results
