"""A test of one's own: what the mistakes of a classifier cost, where not all of them cost the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Mean cost of a row: missing the class costs something, calling it without reason something else."""

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), target=True)
    name: ClassVar[str] = "cost"
    is_default: ClassVar[bool] = False

    positive_class: str = "1"
    """The class that must not be missed."""
    miss_cost: float = 10.0
    """Of a row of that class which is given another one."""
    alarm_cost: float = 1.0
    """Of a row of another class which is given that one."""
    max_cost: float = float("inf")
    """A candidate whose mean cost is higher is listed, but not ranked."""

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return the mean cost; runs in the builder's child, where NumPy is."""
        result = Result(
            candidate_id=evidence.candidate_id,
            agent_id=evidence.agent_id,
            test=self.name,
            metric="mean_cost",
            value=self._cost(evidence),
            count=len(evidence.judged().rows),
        )
        return [result]

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return why these predictions must not be ranked; empty if they may be."""
        cost = self._cost(evidence)
        return f"its mean cost is {cost:.3g}, the limit is {self.max_cost:g}" if cost > self.max_cost else ""

    def _cost(self, evidence: "PredictionEvidence") -> float:
        import numpy as np

        # Rows by which the recipe chose something do not judge it.
        evidence = evidence.judged()
        if self.positive_class not in evidence.model.classes:
            raise ValueError(f"the model has no class {self.positive_class!r}; set positive_class")
        positive = evidence.model.classes.index(self.positive_class)
        is_true = np.asarray(evidence.truth) == positive
        is_said = np.asarray(evidence.predictions.labels) == positive
        costs = self.miss_cost * (is_true & ~is_said) + self.alarm_cost * (~is_true & is_said)
        return float(costs.mean())
