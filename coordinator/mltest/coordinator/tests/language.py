"""How well a language model expects a given text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.judged import Findings
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result

if TYPE_CHECKING:
    from mltest.coordinator.builder.evidence import PredictionEvidence


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageQuality:
    """Perplexity, bits per token and accuracy of the token that follows, on the sequences that were given.

    The first token of a sequence has nothing before it and is not judged. Intervals: bootstrap over sequences.
    """

    needs: ClassVar[Needs] = Needs(families=("language model",))
    name: ClassVar[str] = "language quality"

    resamples: int = 500
    """Of the bootstrap; 0: no intervals."""
    seed: int = 0
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.resamples < 0:
            raise ValueError("resamples cannot be negative")

    def results(self, evidence: "PredictionEvidence") -> Sequence[Result]:
        """Return every metric; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.measures.bootstrap import intervals, points, resampled
        from mltest.coordinator.builder.judging.measures.token_measures import token_measure

        rows, scores = evidence.rows, evidence.predictions.scores
        assert scores is not None
        if rows.max() >= scores.shape[1] // rows.shape[1]:
            findings = Findings(self.name, evidence)
            findings.add("perplexity", None, reason=f"the model has no score for the token {rows.max():g}")
            return findings.results
        measures = [token_measure(rows, scores)]
        drawn = resampled(measures, len(rows), resamples=self.resamples, seed=self.seed)
        findings = Findings(self.name, evidence, intervals(drawn))
        for (metric, _, _), value in points(measures, len(rows)).items():
            findings.add(metric, value)
        return findings.results

    def gate(self, evidence: "PredictionEvidence") -> str:
        """Return nothing: how good is good enough is the user's to say, as a bound in the plan."""
        return ""
