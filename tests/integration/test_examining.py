"""Tests of the submitted model in the builder's real child process."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import skops.io
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from mltest.coordinator.builder.builder import Inspection
from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.dataset_properties import DatasetProperties
from mltest.coordinator.tests.importance import PermutationImportance
from mltest.coordinator.tests.model_properties import SupportVectors, TreeProperties
from mltest.coordinator.tests.registry import Test, choice_of
from mltest.coordinator.tests.robustness import LabelAttack
from mltest.shared.domain import FileRef, JobSpec, Result

ROWS, TRUTH = load_iris(return_X_y=True)
PLAN = Plan()


@pytest.fixture
async def builder(tmp_path: Path) -> AsyncIterator[ProcessBuilder]:
    forest = RandomForestClassifier(3, random_state=0).fit(ROWS, TRUTH)
    skops.io.dump(forest, tmp_path / "model.skops")
    graph = to_onnx(forest, ROWS[:1].astype(np.float32), options={"zipmap": False})
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    np.savez(tmp_path / "data.npz", X=ROWS, y=TRUTH)
    found = ProcessBuilder(tmp_path)
    yield found
    await found.close()


async def test_a_forest_and_its_graph_are_examined_alike(builder: ProcessBuilder, tmp_path: Path) -> None:
    counts = []
    for name in ("model.skops", "model.onnx"):
        inspection = await inspect(builder, tmp_path, name)
        results = {}
        for test_class in (TreeProperties, DatasetProperties, PermutationImportance, LabelAttack):
            for one in await examine(builder, tmp_path, name, inspection, test_class):
                results[one.metric, one.statistic, one.label] = one
        assert not [one.reason for one in results.values() if one.metric == "broken_test"]
        assert all(not one.candidate_id and not one.agent_id for one in results.values())
        attacked = results["radius_attacked", "median", ""].value
        assert attacked is not None
        assert 0 < attacked < 1
        assert results["row_count", "value", ""].value == 150
        counts.append([results[metric, "value", ""].value for metric in ("node_count", "depth_max", "leaf_count")])
    assert counts[0] == counts[1]


async def test_a_test_that_breaks_says_how_and_the_next_one_is_made(builder: ProcessBuilder, tmp_path: Path) -> None:
    inspection = await inspect(builder, tmp_path, "model.onnx")
    # It reads estimators of scikit-learn, and takes for granted that there is one.
    (broken,) = await examine(builder, tmp_path, "model.onnx", inspection, SupportVectors)
    assert (broken.metric, broken.value) == ("broken_test", None)
    assert "AssertionError" in broken.reason
    assert await examine(builder, tmp_path, "model.onnx", inspection, TreeProperties)


async def inspect(builder: ProcessBuilder, folder: Path, name: str) -> Inspection:
    return await builder.inspect(spec_of(name), PLAN, model=folder / name, data=[folder / "data.npz"], folder=folder)


async def examine(
    builder: ProcessBuilder, folder: Path, name: str, inspection: Inspection, test_class: type[Test]
) -> tuple[Result, ...]:
    params = {"rows": 3, "steps": 2} if test_class is LabelAttack else {}
    return await builder.examine(
        choice_of(test_class, params),
        spec_of(name),
        inspection.model,
        inspection.dataset,
        PLAN,
        model=folder / name,
        dataset=inspection.dataset_path,
        reference=inspection.reference_path,
        training=(),
    )


def spec_of(name: str) -> JobSpec:
    return JobSpec(model=FileRef(name=name, sha256=""), data=(FileRef(name="data.npz", sha256=""),))
