"""Predictions are evaluated a few sets at a time: the deadline of a request is the same for any number of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.broken import broken_result
from mltest.coordinator.tests.registry import choice_of, class_of, is_own, is_prediction_test
from mltest.shared.errors import MltestError

PORTION = 8
"""Sets of predictions of one request; the tests of each may take seconds on many rows."""

Evaluate = Callable[[Sequence[PredictionFile]], Awaitable[tuple[Evaluation, ...]]]
EvaluateWith = Callable[[Sequence[TestChoice]], Evaluate]


async def evaluated(
    files: Sequence[PredictionFile], tests: Sequence[TestChoice], evaluate_with: EvaluateWith
) -> AsyncIterator[tuple[Evaluation, ...]]:
    """Yield the evaluations of `files` by `tests` as they come; what cannot be evaluated is gated with the reason.

    A portion that breaks is evaluated one by one, so that one bad file harms no other candidate; and then without the
    tests of users, each of which is made apart, so that what breaks the process of one costs no other figure.
    """
    for begin in range(0, len(files), PORTION):
        portion = files[begin : begin + PORTION]
        try:
            yield await evaluate_with(tests)(portion)
        except MltestError:
            for file in portion:
                yield (await _single(file, tests, evaluate_with),)


async def _single(file: PredictionFile, tests: Sequence[TestChoice], evaluate_with: EvaluateWith) -> Evaluation:
    try:
        return (await evaluate_with(tests)([file]))[0]
    except MltestError as error:
        users = [choice for choice in tests if not is_own(class_of(choice)) and is_prediction_test(class_of(choice))]
        if not users:
            return _unevaluated(file, error)
    own = [choice for choice in tests if choice not in users] or [choice_of(Agreement)]
    try:
        (found,) = await evaluate_with(own)([file])
    except MltestError as error:
        return _unevaluated(file, error)
    for choice in users:
        found = _with(found, await _apart(file, choice, evaluate_with))
    return found


async def _apart(file: PredictionFile, choice: TestChoice, evaluate_with: EvaluateWith) -> Evaluation:
    """Return what one test of a user says; it may be a gate, and one that breaks lets nothing through."""
    try:
        return (await evaluate_with([choice])([replace(file, is_compared=True)]))[0]
    except MltestError as error:
        name, candidate_id, agent_id = class_of(choice).name, file.candidate_id, file.agent_id
        broken = broken_result(name, error, candidate_id=candidate_id, agent_id=agent_id)
        gate_reason = f"{name}: {broken.reason}"
        return Evaluation(candidate_id=candidate_id, agent_id=agent_id, results=(broken,), gate_reason=gate_reason)


def _with(found: Evaluation, other: Evaluation) -> Evaluation:
    reasons = [reason for reason in (found.gate_reason, other.gate_reason) if reason]
    return replace(found, results=(*found.results, *other.results), gate_reason="; ".join(reasons))


def _unevaluated(file: PredictionFile, error: MltestError) -> Evaluation:
    reason = f"its predictions cannot be evaluated: {error.message}"
    return Evaluation(candidate_id=file.candidate_id, agent_id=file.agent_id, results=(), gate_reason=reason)
