"""How well a support vector machine generalises, estimated from its training alone."""

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
class XiAlpha:
    """Bounds of the leave-one-out error, recall and precision of a binary C-SVC, from its training data (--training).

    With rho = 2 that is proven: leaving one row out and training again errs no more often than the error given, and has
    no less recall and precision, as far as the solver converged. The bounds are pessimistic.

    Source: Joachims 2000, "Estimating the generalization performance of an SVM efficiently".
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), families=("svm",), formats=("skops", "pickle"))
    name: ClassVar[str] = "xi-alpha"

    rho: float = 2.0
    """2 is the proven bound, 1 the heuristic default of svm_light."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if not 0 < self.rho <= 2:
            raise ValueError("rho has to be above 0 and at most 2")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the bounds, or why there are none."""
        from mltest.coordinator.builder.judging.vectors.xi_alpha_bounds import xi_alpha_facts

        return xi_alpha_facts(evidence, self.name, rho=self.rho).results
