"""Runs the tests of the submitted model and its data; runs in the builder's child."""

import logging

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
    try:
        return tuple(kept_results(test.name, test.examine(evidence)))  # type: ignore[union-attr]  # by its role
    except MemoryError:
        raise
    except Exception as error:
        _LOG.exception("a test broke: %s.%s", choice.module, choice.class_name)
        return (broken_result(test.name, error),)
