"""Predictions are evaluated a few sets at a time: the deadline of a request is the same for any number of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.shared.errors import MltestError

PORTION = 8
"""Sets of predictions of one request; the tests of each may take seconds on many rows."""

Evaluate = Callable[[Sequence[PredictionFile]], Awaitable[tuple[Evaluation, ...]]]


async def evaluated(files: Sequence[PredictionFile], evaluate: Evaluate) -> AsyncIterator[tuple[Evaluation, ...]]:
    """Yield the evaluations of `files` as they come; what cannot be evaluated is gated with the reason.

    A portion that breaks is evaluated one by one, so that one bad file harms no other candidate.
    """
    for begin in range(0, len(files), PORTION):
        portion = files[begin : begin + PORTION]
        try:
            yield await evaluate(portion)
        except MltestError:
            for file in portion:
                yield (await _single(file, evaluate),)


async def _single(file: PredictionFile, evaluate: Evaluate) -> Evaluation:
    try:
        (found,) = await evaluate([file])
    except MltestError as error:
        reason = f"its predictions cannot be evaluated: {error.message}"
        return Evaluation(candidate_id=file.candidate_id, agent_id=file.agent_id, results=(), gate_reason=reason)
    return found
