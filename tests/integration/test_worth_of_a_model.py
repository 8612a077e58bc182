"""A job that asks what its model is worth, from the command line to the page of tests: real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mltest.coordinator.tests.registry import registered_tests

PROGRAM = Path(sys.executable).parent / "mltest-coordinator"
DEADLINE_S = 600.0
PLAN = """
[job]
rounds = 1
[candidates]
runtimes = ["scikit-learn"]
transforms = ["none"]
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {batch_sizes = [1], slice_count = 2, slice_s = 0.002, warmup_s = 0.01}
[[tests]]
module = "mltest.coordinator.tests.throughput"
class = "Throughput"
params = {batch_sizes = [1], slice_count = 2, slice_s = 0.002, warmup_s = 0.01}
[[tests]]
module = "mltest.coordinator.tests.robustness"
class = "LabelAttack"
params = {rows = 3, steps = 2}
[[tests]]
module = "mltest.coordinator.tests.robustness"
class = "Noise"
params = {sizes = [0.1], repeats = 1}
[[tests]]
module = "mltest.coordinator.tests.vector_radius"
class = "VectorRadius"
params = {rows = 3}
[[tests]]
module = "mltest.coordinator.tests.poisoning"
class = "Poisoning"
params = {starts = 1, steps = 2}
[[tests]]
module = "mltest.coordinator.tests.importance"
class = "PermutationImportance"
params = {repeats = 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("worth")
    rows, truth = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), SVC(kernel="linear")).fit(rows[:200], truth[:200])
    skops.io.dump(model, found / "svm.skops")
    np.savez(found / "trained.npz", X=rows[:200], y=truth[:200])
    sites = np.where(rows[200:, 0] > 13, "north", "south")
    np.savez(found / "data.npz", X=rows[200:], y=truth[200:], site=sites)
    (found / "plan.toml").write_text(PLAN)
    return found


@pytest.fixture(scope="module")
def job(folder: Path) -> Any:
    options = ("--tests", "all", "--group", "site", "--training", "trained.npz", "--plan", "plan.toml", "--local")
    run(folder, "submit", "svm.skops", "--data", "data.npz", *options)
    return json.loads(run(folder, "show", newest(folder), "--json"))


def newest(folder: Path) -> str:
    return str(json.loads(run(folder, "jobs", "--json"))[0]["job_id"])


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=os.environ | {"MLTEST_STATE_DIR": str(folder / "state"), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_every_test_that_applies_has_figures_and_every_other_one_a_reason(job: Any) -> None:
    states = {one["class_name"]: one["state"] for one in job["tests"]}
    made = {name for name, state in states.items() if state == "done"}
    assert made >= {
        *("Latency", "Agreement", "ClassificationQuality", "QualityChange", "Fairness", "Curves"),
        *("DatasetProperties", "SupportVectors", "LinearWeights", "XiAlpha", "NativeImportance"),
        *("PermutationImportance", "Noise", "LinearRadius", "LabelAttack"),
    }
    assert {name for name, state in states.items() if state == "no_value"} <= {
        *(
            "Compilation",
            "Energy",
            "ImageCorruption",
            "Memory",
            "PropensityRanking",
            "RobustnessChange",
            "TextCategory",
        ),
    }
    assert all(one["reason"] for one in job["tests"] if one["state"] != "done")


def test_figures_of_the_model_belong_to_no_candidate_and_nothing_broke(job: Any) -> None:
    by_metric = {one["metric"]: one for one in job["results"] if not one["candidate_id"]}
    assert by_metric["support_vector_count"]["value"] > 0
    assert 0 < by_metric["xi_alpha_error"]["value"] < 1
    assert not [one["reason"] for one in job["results"] if one["metric"] == "broken_test"]
    assert job["job"]["dataset"]["group_counts"].keys() == {"north", "south"}


def test_quality_has_intervals_and_the_baseline_is_no_worse_than_itself(job: Any) -> None:
    native = next(one["candidate_id"] for one in job["candidates"] if one["is_baseline"])
    own = {(one["metric"], one["statistic"]): one for one in job["results"] if one["candidate_id"] == native}
    for figure in (("accuracy", "value"), ("f1", "macro"), ("roc_auc", "value")):
        assert own[figure]["low"] <= own[figure]["value"] <= own[figure]["high"]
    assert own["accuracy_change", "value"]["value"] == 0
    assert own["quality_change_p", "value"]["value"] == 1


def test_the_page_of_tests_has_all_of_them(folder: Path, job: Any) -> None:
    page = run(folder, "show", job["job"]["job_id"], "--tests")
    assert {(one["module"], one["class_name"]) for one in job["tests"]} == {
        (found.__module__, found.__qualname__) for found in registered_tests()
    }
    for one in job["tests"]:
        assert one["name"] in page
    assert "open loop" in page
    assert "--scenario open-loop:RATE" in page
    assert "xi alpha error" in page


def test_what_agents_get_holds_no_groups(folder: Path, job: Any) -> None:
    sha256 = job["job"]["dataset"]["sha256"]
    blobs = [path for path in folder.glob(f"state/**/*{sha256}*") if path.is_file()]
    assert blobs
    for blob in blobs:
        with np.load(blob) as arrays:
            assert set(arrays.keys()) == {"X", "y"}


def test_a_test_or_a_group_that_there_is_not_is_refused_with_the_nearest(folder: Path) -> None:
    said = run(folder, "submit", "svm.skops", "--data", "data.npz", "--tests", "qualty", status=3)
    assert "'quality'" in said
