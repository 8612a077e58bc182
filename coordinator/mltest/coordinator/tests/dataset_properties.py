"""What the validation data are like."""

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
class DatasetProperties:
    """Shape, classes, missing values, duplicates, ranges of columns, and columns that give the true values away."""

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "dataset"

    shown_columns: int = 20
    """Whose ranges and leakage scores are given; those with the highest scores first, then in the data's order."""
    leakage_from: float = 0.95
    """A column alone that orders the true values at least so well is named as a hint of leakage."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.shown_columns < 0 or not 0 <= self.leakage_from <= 1:
            raise ValueError("shown_columns cannot be negative, leakage_from has to be between 0 and 1")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return every property; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.dataset_facts import dataset_facts

        return dataset_facts(
            evidence, self.name, shown_columns=self.shown_columns, leakage_from=self.leakage_from
        ).results
