"""The attack on artifacts of lossy candidates, in the builder's real child process."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from mltest.coordinator.builder.builder import Inspection
from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.builder.openable import openable_obstacle
from mltest.coordinator.builder.recipes import enumerate_candidates
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.registry import choice_of
from mltest.coordinator.tests.robustness_change import RobustnessChange
from mltest.shared.domain import Candidate, FileRef, JobSpec, Result
from tests.unit.coordinator.examined import value_of

ROWS, TRUTH = load_iris(return_X_y=True)
PLAN = Plan(transforms=("cap-depth=2",))
FORMATS = ("skops", "onnx", "treelite-checkpoint", "c-source")
SPEC = JobSpec(model=FileRef(name="model.skops", sha256=""), data=(FileRef(name="data.npz", sha256=""),))


@pytest.fixture
async def builder(tmp_path: Path) -> AsyncIterator[ProcessBuilder]:
    skops.io.dump(RandomForestClassifier(3, random_state=0).fit(ROWS, TRUTH), tmp_path / "model.skops")
    np.savez(tmp_path / "data.npz", X=ROWS, y=TRUTH)
    found = ProcessBuilder(tmp_path)
    yield found
    await found.close()


async def test_every_format_that_can_be_opened_is_attacked_like_the_model(
    builder: ProcessBuilder, tmp_path: Path
) -> None:
    inspection = await builder.inspect(
        SPEC, PLAN, model=tmp_path / "model.skops", data=[tmp_path / "data.npz"], folder=tmp_path
    )
    candidates = enumerate_candidates(inspection.model, PLAN)
    lossy = [one for one in candidates if one.transform == "cap-depth 2" and not one.reason]
    by_format = {one.format: one for one in lossy if one.threads == 1}
    assert set(FORMATS) <= set(by_format)
    (baseline,) = [one for one in candidates if one.is_baseline]
    made = {name: await built(builder, tmp_path, inspection, by_format[name]) for name in FORMATS}
    made["baseline"] = await built(builder, tmp_path, inspection, baseline)
    medians: list[float] = []
    for name, (candidate, path) in made.items():
        results = await compared(builder, tmp_path, inspection, candidate, path, [other for _, other in made.values()])
        assert {one.candidate_id for one in results} == {candidate.candidate_id}
        for one in results:
            if one.metric.endswith("_change"):
                assert one.value is not None, one.reason
                assert one.low <= one.value <= one.high  # type: ignore[operator]  # both ends are there
                # The model itself changes nothing.
                assert name != "baseline" or one.low == one.high == 0.0
        if name != "baseline":
            medians.append(value_of(results, "radius_attacked"))
    # The same shallower trees in three formats: thresholds in float32 move what is found by little.
    assert np.ptp(medians) < 0.01


def test_what_nothing_opens_here_says_so() -> None:
    candidate = Candidate(candidate_id="x", label="x", runtime="theirs", format="their-own")
    assert "nothing opens their-own artifacts" in openable_obstacle(candidate)


async def built(
    builder: ProcessBuilder, folder: Path, inspection: Inspection, candidate: Candidate
) -> tuple[Candidate, Path]:
    model, rows = folder / "model.skops", inspection.dataset_path
    made = await builder.build(candidate, SPEC, inspection.model, PLAN, model=model, rows=rows, folder=folder)
    options = {**candidate.options, **made.options}
    return replace(candidate, input_dtype=made.input_dtype, options=options), made.path


async def compared(
    builder: ProcessBuilder,
    folder: Path,
    inspection: Inspection,
    candidate: Candidate,
    artifact: Path,
    others: list[Path],
) -> tuple[Result, ...]:
    return await builder.compare(
        choice_of(RobustnessChange, {"rows": 2, "steps": 1}),
        candidate,
        SPEC,
        inspection.model,
        inspection.dataset,
        PLAN,
        artifact=artifact,
        model=folder / "model.skops",
        dataset=inspection.dataset_path,
        reference=inspection.reference_path,
        others=others,
    )
