"""Runs the tests of the submitted model and its data, and of lossy candidates; runs in the builder's child."""

import logging
from collections.abc import Callable, Sequence

from mltest.coordinator.builder.candidate_evidence import CandidateEvidence
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.broken import broken_result
from mltest.coordinator.tests.kept import kept_results
from mltest.coordinator.tests.registry import make_test
from mltest.shared.domain import Result

_LOG = logging.getLogger(__name__)


def examined(choice: TestChoice, evidence: ModelEvidence) -> tuple[Result, ...]:
    """Return what the chosen test finds; one that breaks says how."""
    test = make_test(choice)
    return _made(choice, test.name, lambda: test.examine(evidence))  # type: ignore[union-attr]  # by its role


def compared(choice: TestChoice, evidence: CandidateEvidence) -> tuple[Result, ...]:
    """Return what the chosen test finds of a candidate; one that breaks says how."""
    test, candidate_id = make_test(choice), evidence.candidate.candidate_id
    return _made(choice, test.name, lambda: test.compare(evidence), candidate_id)  # type: ignore[union-attr]  # likewise


def _made(
    choice: TestChoice, name: str, find: Callable[[], Sequence[Result]], candidate_id: str = ""
) -> tuple[Result, ...]:
    try:
        return tuple(kept_results(name, find(), candidate_id=candidate_id))
    except MemoryError:
        raise
    except Exception as error:
        _LOG.exception("a test broke: %s.%s", choice.module, choice.class_name)
        return (broken_result(name, error, candidate_id=candidate_id),)
