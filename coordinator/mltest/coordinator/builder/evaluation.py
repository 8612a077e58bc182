"""Runs the prediction tests on what agents sent; runs in the builder's child."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.coordinator.builder.disagreeing import Differing, Predict, differing_rows
from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.test_guard import TestBrokeError, TestGuard
from mltest.coordinator.builder.yardstick import Yardstick
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.agreement import Agreement, misfit
from mltest.coordinator.tests.broken import broken_because
from mltest.coordinator.tests.kept import kept_results
from mltest.coordinator.tests.registry import applies, choice_of, default_tests, prediction_tests
from mltest.coordinator.tests.role import PredictionTest
from mltest.shared.domain import Result
from mltest.shared.native.predictions import Predictions, load_predictions

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What each test is held to."""

    guard: TestGuard
    limit_s: float = 0.0
    """For each test and set of predictions; 0 means: none."""
    is_last_try: bool = True
    """Whether a test that lacks memory is told of; else the caller asks again with fewer predictions."""

    def run(self, test: PredictionTest, method: str, find: Callable[[], ValueT]) -> ValueT:
        """Return what `find` returns, which calls `method` (TestBrokeError if the test breaks)."""
        return self.guard.run(test, find, limit_s=self.limit_s, method=method, is_last_try=self.is_last_try)


def evaluations(
    choices: Sequence[TestChoice],
    yardstick: Yardstick,
    files: Sequence[PredictionFile],
    predict: Predict | None = None,
    *,
    guard: TestGuard | None = None,
    limit_s: float = 0.0,
) -> tuple[Evaluation, ...]:
    """Run the chosen tests on each of `files`; what is wrong with one of them is the reason why it is gated.

    `predict` is the native model: it is asked about the rows in which a candidate differs. `guard` remembers which
    tests took longer than `limit_s`.
    """
    tests, later_tests = _tests(choices, yardstick), _fitting(choices, yardstick)
    bounds = Bounds(guard=guard or TestGuard(), limit_s=limit_s, is_last_try=len(files) == 1)
    return tuple(
        _later_evaluation(later_tests, yardstick, file, bounds)
        if file.is_compared
        else _evaluation(tests, yardstick, file, predict, bounds)
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


def _later_evaluation(
    tests: Sequence[PredictionTest], yardstick: Yardstick, file: PredictionFile, bounds: Bounds
) -> Evaluation:
    """Return what `tests` say of predictions that were compared with the native model's before."""
    evidence = _evidence(yardstick, file, load_predictions(file.path))
    results = [result for test in tests for result in _results(test, evidence, bounds)]
    reasons = [reason for test in tests if (reason := _gate(test, evidence, bounds))]
    return Evaluation(
        candidate_id=file.candidate_id,
        agent_id=file.agent_id,
        results=tuple(results),
        gate_reason="; ".join(reasons),
    )


def _evaluation(
    tests: Sequence[PredictionTest],
    yardstick: Yardstick,
    file: PredictionFile,
    predict: Predict | None,
    bounds: Bounds,
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
    results = [result for test in tests for result in _results(test, evidence, bounds)]
    differing = differing_rows(evidence, predict)
    reasons = [reason for test in tests if (reason := _gate(test, evidence, bounds))]
    if reasons and differing.rounded_count:
        reasons.append(_rounding_text(differing))
    return replace(
        gated("; ".join(reasons), results),
        row_count=len(evidence.rows),
        differing_count=differing.count,
        disagreements=differing.kept,
    )


def _results(test: PredictionTest, evidence: PredictionEvidence, bounds: Bounds) -> Sequence[Result]:
    """Return what a test says; one that breaks says how, and harms no other, unless it is the gate."""
    names = {"candidate_id": evidence.candidate_id, "agent_id": evidence.agent_id}
    if isinstance(test, Agreement):
        return kept_results(test.name, test.results(evidence), **names)
    try:
        return bounds.run(test, "results", lambda: kept_results(test.name, test.results(evidence), **names))
    except TestBrokeError as error:
        return (broken_because(test.name, str(error), **names),)


def _gate(test: PredictionTest, evidence: PredictionEvidence, bounds: Bounds) -> str:
    """Return why a test lets these predictions not be ranked; a gate that breaks lets nothing through."""
    if isinstance(test, Agreement):
        return test.gate(evidence)
    try:
        return bounds.run(test, "gate", lambda: _reason(test.gate(evidence)))
    except TestBrokeError as error:
        return f"{test.name}: {broken_because(test.name, str(error)).reason}"


def _reason(said: object) -> str:
    if said is None or isinstance(said, str):
        return said or ""
    raise TypeError(f"gate returned a {type(said).__name__}, and has to return text: why not, or nothing")


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
