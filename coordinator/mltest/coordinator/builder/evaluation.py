"""Runs the prediction tests on what agents sent; runs in the builder's child."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.coordinator.builder.disagreeing import Differing, Predict, differing_rows
from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.yardstick import Yardstick
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.agreement import Agreement, misfit
from mltest.coordinator.tests.broken import broken_result
from mltest.coordinator.tests.kept import kept_results
from mltest.coordinator.tests.registry import applies, choice_of, default_tests, prediction_tests
from mltest.coordinator.tests.role import PredictionTest
from mltest.shared.domain import Result
from mltest.shared.native.predictions import Predictions, load_predictions

_LOG = logging.getLogger(__name__)


def evaluations(
    choices: Sequence[TestChoice],
    yardstick: Yardstick,
    files: Sequence[PredictionFile],
    predict: Predict | None = None,
) -> tuple[Evaluation, ...]:
    """Run the chosen tests on each of `files`; what is wrong with one of them is the reason why it is gated.

    `predict` is the native model: it is asked about the rows in which a candidate differs.
    """
    tests, later_tests = _tests(choices, yardstick), _fitting(choices, yardstick)
    return tuple(
        _later_evaluation(later_tests, yardstick, file)
        if file.is_compared
        else _evaluation(tests, yardstick, file, predict)
        for file in files
    )


def _tests(choices: Sequence[TestChoice], yardstick: Yardstick) -> tuple[PredictionTest, ...]:
    """Return the chosen prediction tests that apply, and always a check of agreement: without one nothing is ranked."""
    fitting = _fitting(choices, yardstick)
    is_gated = any(isinstance(test, Agreement) for test in fitting)
    return fitting if is_gated else (*fitting, *prediction_tests([choice_of(Agreement)]))


def _fitting(choices: Sequence[TestChoice], yardstick: Yardstick) -> tuple[PredictionTest, ...]:
    has_target, has_groups = yardstick.truth is not None, yardstick.groups is not None
    model = yardstick.model
    made = prediction_tests(choices or default_tests(model, has_target=has_target, has_groups=has_groups))
    return tuple(test for test in made if applies(test.needs, model, has_target=has_target, has_groups=has_groups))


def _later_evaluation(tests: Sequence[PredictionTest], yardstick: Yardstick, file: PredictionFile) -> Evaluation:
    """Return what `tests` say of predictions that were compared with the native model's before."""
    evidence = _evidence(yardstick, file, load_predictions(file.path))
    results = [result for test in tests for result in _results(test, evidence)]
    reasons = [reason for test in tests if (reason := _gate(test, evidence))]
    return Evaluation(
        candidate_id=file.candidate_id,
        agent_id=file.agent_id,
        results=tuple(results),
        gate_reason="; ".join(reasons),
    )


def _evaluation(
    tests: Sequence[PredictionTest], yardstick: Yardstick, file: PredictionFile, predict: Predict | None
) -> Evaluation:
    def gated(reason: str, results: Sequence[Result] = ()) -> Evaluation:
        return Evaluation(
            candidate_id=file.candidate_id, agent_id=file.agent_id, results=tuple(results), gate_reason=reason
        )

    try:
        predictions = load_predictions(file.path)
    except MemoryError:
        raise
    except Exception as error:
        return gated(f"its predictions cannot be read ({type(error).__name__}: {error})")
    evidence = _evidence(yardstick, file, predictions)
    if reason := misfit(evidence):
        return gated(reason)
    results = [result for test in tests for result in _results(test, evidence)]
    differing = differing_rows(evidence, predict)
    reasons = [reason for test in tests if (reason := _gate(test, evidence))]
    if reasons and differing.rounded_count:
        reasons.append(_rounding_text(differing))
    return replace(
        gated("; ".join(reasons), results),
        row_count=len(evidence.rows),
        differing_count=differing.count,
        disagreements=differing.kept,
    )


def _results(test: PredictionTest, evidence: PredictionEvidence) -> Sequence[Result]:
    """Return what a test says; one that breaks says how, and harms no other, unless it is the gate."""
    try:
        return kept_results(
            test.name, test.results(evidence), candidate_id=evidence.candidate_id, agent_id=evidence.agent_id
        )
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(test, Agreement):
            raise
        _LOG.exception("a test broke: %s", type(test).__qualname__)
        return (broken_result(test.name, error, candidate_id=evidence.candidate_id, agent_id=evidence.agent_id),)


def _gate(test: PredictionTest, evidence: PredictionEvidence) -> str:
    """Return why a test lets these predictions not be ranked; a gate that breaks lets nothing through."""
    try:
        return test.gate(evidence)
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(test, Agreement):
            raise
        return f"{test.name}: {broken_result(test.name, error).reason}"


def _rounding_text(differing: Differing) -> str:
    """Say how many rows differ because their values were rounded, of those that were looked at."""
    looked_at, found = len(differing.kept), differing.rounded_count
    who = "all of them" if found == looked_at == differing.count else f"{found} of {looked_at} that were looked at"
    return f"{who} by rounding of X to float32, as 'disagreements' lists"


def _evidence(yardstick: Yardstick, file: PredictionFile, predictions: Predictions) -> PredictionEvidence:
    return PredictionEvidence(
        candidate_id=file.candidate_id,
        agent_id=file.agent_id,
        model=yardstick.model,
        rows=yardstick.rows,
        truth=yardstick.truth,
        reference=yardstick.reference,
        predictions=predictions,
        groups=yardstick.groups,
        ranking=yardstick.ranking,
        input_dtype=file.input_dtype,
        is_lossy=file.is_lossy,
        is_selected=file.is_selected,
    )
