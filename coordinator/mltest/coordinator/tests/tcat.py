"""What the words of a text task let a linear support vector machine reach."""

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
class TextCategory:
    """The margin that the word sets of a text task allow (TCat estimate), and the bound of the error that follows.

    It describes the data, not the model: X holds counts or weights of words. Words are put into sets by how frequent
    they are and for which class they speak, by one half of the rows (of --training, or else of these data); the other
    half says how many words of each set its texts have. The estimate holds as far as texts of a class are alike.

    Source: Joachims 2001, "A statistical learning model of text classification for support vector machines".
    """

    needs: ClassVar[Needs] = Needs(tasks=(Task.CLASSIFICATION,), families=("svm", "linear"), target=True)
    name: ClassVar[str] = "tcat"
    is_default: ClassVar[bool] = False

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the estimate, or why there is none."""
        from mltest.coordinator.builder.judging.vectors.tcat_facts import tcat_facts

        return tcat_facts(evidence, self.name).results
