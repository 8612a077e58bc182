"""A job with pruned forests, from its preview to its disagreements: real processes, a real transform."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import ModelFiles, forest_on_digits

PROGRAM = Path(sys.executable).parent / "mltest-coordinator"
DEADLINE_S = 600.0
PLAN = """
[job]
rounds = 1
row_cap = 300
[candidates]
runtimes = ["scikit-learn", "treelite"]
transforms = ["prune-trees"]
skip = ["*individual*", "*complementarity*", "scikit-learn, *1/4"]
[gate]
lossy_max_differing_ratio = 0.5
lossy_max_quality_loss = 0.001
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {batch_sizes = [1], slice_count = 2, slice_s = 0.002, warmup_s = 0.01}
[[tests]]
module = "mltest.coordinator.tests.quality"
class = "ClassificationQuality"
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    folder = tmp_path_factory.mktemp("lossy")
    (folder / "plan.toml").write_text(PLAN)
    return forest_on_digits(folder, trees=12)


@pytest.fixture(scope="module")
def job(files: ModelFiles) -> Any:
    run(files, "submit", files.model.name, "--data", files.data.name, "--plan", "plan.toml", "--local")
    return json.loads(run(files, "show", json.loads(run(files, "jobs", "--json"))[0]["job_id"], "--json"))


def run(files: ModelFiles, *arguments: str) -> str:
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=files.model.parent,
        env=os.environ | {"MLTEST_STATE_DIR": str(files.model.parent / "state"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_preview_names_the_candidates_that_the_job_then_has(files: ModelFiles, job: Any) -> None:
    arguments = ("plan", files.model.name, "--data", files.data.name, "--plan", "plan.toml")
    preview = json.loads(run(files, *arguments, "--json"))

    planned = [candidate["candidate_id"] for candidate in preview["candidates"]]
    assert planned == [one["candidate_id"] for one in job["candidates"] if not one["is_reference"]]
    assert len(planned) == 4


def test_pruned_forests_are_timed_called_lossy_and_gated_by_their_own_limits(job: Any) -> None:
    rows = {row["label"]: row for row in job["standings"]["rows"]}
    pruned = {label: row for label, row in rows.items() if row["is_lossy"]}

    assert set(rows) - set(pruned) == {"scikit-learn"}
    assert len(pruned) == 3
    assert all(row["round_count"] == 1 for row in rows.values()), "what is gated is timed as well"
    losses = {one["candidate_id"]: one["value"] for one in job["results"] if one["metric"] == "quality_loss"}
    for row in pruned.values():
        is_too_bad = losses[row["candidate_id"]] > 0.001
        assert (row["standing"] == "gated") == is_too_bad
        assert ("lossy_max_quality_loss" in row["reason"]) == is_too_bad
    assert "gated" in {row["standing"] for row in pruned.values()}, "a quarter of the trees costs more than 0.001"


def test_the_rows_in_which_a_pruned_forest_differs_are_listed(files: ModelFiles, job: Any) -> None:
    label = "treelite, prune-trees reduced-error 1/4"
    found = json.loads(run(files, "disagreements", job["job"]["job_id"], label, "--json"))

    assert found["is_lossy"]
    assert 0 < found["differing_count"] < found["row_count"] == 300
    assert len(found["rows"]) == min(found["differing_count"], 100)
    assert all(row["native"] != row["candidate"] for row in found["rows"])
    text = run(files, "disagreements", job["job"]["job_id"], label)
    assert f"differs in {found['differing_count']} of 300 rows" in text


def test_an_exported_candidate_runs_and_brings_its_evidence(files: ModelFiles, job: Any, tmp_path: Path) -> None:
    label, out = "treelite, prune-trees reduced-error 1/2", tmp_path / "best"
    run(files, "export", job["job"]["job_id"], label, "--out", str(out))

    done = subprocess.run(
        [sys.executable, out / "predict.py", files.data], capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    with np.load(files.data) as data:
        right = np.asarray(done.stdout.split(), dtype=int) == data["y"]
    assert right.mean() > 0.8
    evidence = json.loads((out / "evidence.json").read_text())
    assert evidence["candidate"]["label"] == label
    assert [row["label"] for row in evidence["standings"]] == [label]
    assert any(found["metric"] == "latency_s" for found in evidence["results"])
    assert "treelite==" in (out / "requirements.txt").read_text()


def test_nothing_is_exported_over_other_files(files: ModelFiles, job: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(AssertionError, match="is not an empty folder"):
        run(files, "export", job["job"]["job_id"], "treelite", "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_pruned_forest_is_smaller(job: Any) -> None:
    sizes = {candidate["label"]: candidate["artifact_bytes"] for candidate in job["candidates"]}
    assert sizes["scikit-learn, prune-trees reduced-error 1/2"] < 0.7 * sizes["scikit-learn"]
