"""Whether the validation data are like those that the model was trained with."""

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
class Drift:
    """How far columns and true values are from those of the training data (--training): Kolmogorov-Smirnov, PSI.

    The p-value is that of the column that differs most, times the number of columns (Bonferroni): a small one says that
    the data are not drawn alike. How much drift is too much is not gated.

    Source: Massey 1951, "The Kolmogorov-Smirnov test for goodness of fit".
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "drift"

    shown_columns: int = 20
    """Those that differ most."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.shown_columns < 0:
            raise ValueError("shown_columns cannot be negative")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return every figure; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.disturbance.drift_facts import drift_facts

        return drift_facts(evidence, self.name, shown_columns=self.shown_columns).results
