"""Runs the prediction tests on what agents sent; runs in the builder's child."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.coordinator.builder.disagreeing import Differing, Predict, differing_rows
from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.agreement import Agreement, misfit
from mltest.coordinator.tests.registry import applies, choice_of, default_tests, prediction_tests
from mltest.coordinator.tests.role import PredictionTest
from mltest.shared.domain import ModelInfo, Result
from mltest.shared.native.predictions import Predictions, load_predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What every set of predictions is held against."""

    model: ModelInfo
    rows: NDArray[np.floating]
    truth: NDArray[np.generic] | None
    reference: Predictions


def read_yardstick(model: ModelInfo, *, dataset: Path, reference: Path) -> Yardstick:
    """Read what inspection wrote."""
    with np.load(dataset, allow_pickle=False) as arrays:
        return Yardstick(model=model, rows=arrays["X"], truth=arrays.get("y"), reference=load_predictions(reference))


def evaluations(
    choices: Sequence[TestChoice],
    yardstick: Yardstick,
    files: Sequence[PredictionFile],
    predict: Predict | None = None,
) -> tuple[Evaluation, ...]:
    """Run the chosen tests on each of `files`; what is wrong with one of them is the reason why it is gated.

    `predict` is the native model: it is asked about the rows in which a candidate differs.
    """
    tests = _tests(choices, yardstick)
    return tuple(_evaluation(tests, yardstick, file, predict) for file in files)


def _tests(choices: Sequence[TestChoice], yardstick: Yardstick) -> tuple[PredictionTest, ...]:
    """Return the chosen prediction tests that apply, and always a check of agreement: without one nothing is ranked."""
    has_target = yardstick.truth is not None
    made = prediction_tests(choices or default_tests(yardstick.model, has_target=has_target))
    fitting = tuple(test for test in made if applies(test.needs, yardstick.model, has_target=has_target))
    is_gated = any(isinstance(test, Agreement) for test in fitting)
    return fitting if is_gated else (*fitting, *prediction_tests([choice_of(Agreement)]))


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
    results = [result for test in tests for result in test.results(evidence)]
    differing = differing_rows(evidence, predict)
    reasons = [reason for test in tests if (reason := test.gate(evidence))]
    if reasons and differing.rounded_count:
        reasons.append(_rounding_text(differing))
    return replace(
        gated("; ".join(reasons), results),
        row_count=len(evidence.rows),
        differing_count=differing.count,
        disagreements=differing.kept,
    )


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
        input_dtype=file.input_dtype,
        is_lossy=file.is_lossy,
        is_selected=file.is_selected,
    )
