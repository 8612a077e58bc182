"""Runs the tests of the submitted model and its data, and of lossy candidates; runs in the builder's child."""

from collections.abc import Callable, Sequence

from mltest.coordinator.builder.candidate_evidence import CandidateEvidence
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.test_guard import TestBrokeError, TestGuard
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.broken import broken_because
from mltest.coordinator.tests.kept import kept_results
from mltest.coordinator.tests.registry import Test, make_test
from mltest.shared.domain import Result


def examined(choice: TestChoice, evidence: ModelEvidence, *, limit_s: float = 0.0) -> tuple[Result, ...]:
    """Return what the chosen test finds; one that breaks, or takes longer than `limit_s`, says how and where."""
    test = make_test(choice)
    return _made(test, lambda: test.examine(evidence), limit_s)  # type: ignore[union-attr]  # by its role


def compared(choice: TestChoice, evidence: CandidateEvidence, *, limit_s: float = 0.0) -> tuple[Result, ...]:
    """Return what the chosen test finds of a candidate; one that breaks, or takes too long, says how and where."""
    test, candidate_id = make_test(choice), evidence.candidate.candidate_id
    return _made(test, lambda: test.compare(evidence), limit_s, candidate_id)  # type: ignore[union-attr]  # likewise


def _made(
    test: Test, find: Callable[[], Sequence[Result]], limit_s: float, candidate_id: str = ""
) -> tuple[Result, ...]:
    def kept() -> list[Result]:
        return kept_results(test.name, find(), candidate_id=candidate_id)

    try:
        return tuple(TestGuard().run(test, kept, limit_s=limit_s))
    except TestBrokeError as error:
        return (broken_because(test.name, str(error), candidate_id=candidate_id),)
