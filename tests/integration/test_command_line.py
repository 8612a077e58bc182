"""The command line as a user has it: real processes, a real local agent, a real model."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.models import logistic_on_noise
from tests.processes import Running

BIN = Path(sys.executable).parent
DEADLINE_S = 300.0
QUICK_PLAN = """
[job]
rounds = 1
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = { batch_sizes = [1, 8], slice_count = 3, slice_s = 0.005, warmup_s = 0.01 }
[[tests]]
module = "mltest.coordinator.tests.size"
class = "Size"
[candidates]
runtimes = ["onnxruntime", "treelite"]
transforms = ["none"]
skip = ["*, *"]
"""


@dataclass(frozen=True, slots=True)
class Home:
    """A state directory with files to submit."""

    folder: Path

    def run(self, *arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
        """Run the program in the folder of the files."""
        environment = os.environ | {"COLUMNS": str(columns), "MLTEST_STATE_DIR": str(self.folder / "state")}
        environment.pop("FORCE_COLOR", None)
        return subprocess.run(
            [str(BIN / "mltest-coordinator"), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Run the program with --json, and return the one document that it prints."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    import numpy as np
    import skops.io
    from sklearn.datasets import load_iris
    from sklearn.tree import DecisionTreeClassifier

    folder = tmp_path_factory.mktemp("home")
    rows, labels = load_iris(return_X_y=True)
    skops.io.dump(DecisionTreeClassifier(max_depth=3, random_state=0).fit(rows, labels), folder / "tree.skops")
    np.savez(folder / "iris.npz", X=rows, y=labels)
    np.savez(folder / "narrow.npz", X=rows[:, :2], y=labels)
    logistic_on_noise(folder)
    (folder / "plan.toml").write_text(QUICK_PLAN)
    return Home(folder)


@pytest.fixture(scope="module")
def submitted(home: Home) -> subprocess.CompletedProcess[str]:
    return home.run("submit", "tree.skops", "--data", "iris.npz", "--plan", "plan.toml", "--local")


@pytest.fixture(scope="module")
def job_id(home: Home, submitted: subprocess.CompletedProcess[str]) -> str:
    assert submitted.returncode == 0, submitted.stderr
    return str(home.json("jobs")[0]["job_id"])


def test_submit_shows_progress_on_one_stream_and_the_table_on_the_other(
    submitted: subprocess.CompletedProcess[str],
) -> None:
    assert submitted.returncode == 0, submitted.stderr
    assert "Best by median latency at 1 row" in submitted.stdout
    assert "native" in submitted.stdout
    assert "Best by" not in submitted.stderr
    assert "The job is done." in submitted.stderr
    assert "100% done" in submitted.stderr


def test_show_prints_everything_as_text_and_as_data(home: Home, job_id: str) -> None:
    text = home.run("show", job_id[:6]).stdout
    data = home.json("show", job_id)

    assert "DecisionTreeClassifier" in text
    assert data["job"]["state"] == "done"
    assert {row["standing"] for row in data["standings"]["rows"]} >= {"ranked"}
    assert data["results"]


def test_samples_are_the_values_that_the_results_were_made_from(home: Home, job_id: str) -> None:
    lines = home.run("samples", job_id).stdout.splitlines()
    rows = list(csv.DictReader(home.run("samples", job_id, "--csv").stdout.splitlines()))
    data = home.json("show", job_id)

    latencies = [row for row in rows if row["metric"] == "latency_ns" and row["batch_size"] == "8"]
    counted = sum(
        result["count"]
        for result in data["results"]
        if (result["metric"], result["statistic"], result["batch_size"]) == ("latency_s", "median", 8)
    )
    assert len(latencies) == counted
    assert sum(len(json.loads(line)["series"]["values"]) for line in lines) == len(rows)


def test_watch_as_data_prints_one_event_a_line(home: Home, job_id: str) -> None:
    events = [json.loads(line) for line in home.run("watch", job_id, "--json").stdout.splitlines()]

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["event"]["state"] == "done"


def test_the_same_job_is_told_by_watch_with_its_table(home: Home, job_id: str) -> None:
    done = home.run("watch", job_id)

    assert done.returncode == 0
    assert "Best by" in done.stdout


def test_a_job_whose_every_candidate_is_beyond_a_limit_has_the_exit_status_of_a_user_error(
    home: Home, resident: Running
) -> None:
    where = ("--no-discovery", "--agent", resident.address)
    arguments = ("--plan", "plan.toml", "--rounds", "1", "--limit", "size<=1B", "--runtime", "onnxruntime", *where)

    done = home.run("submit", "model.onnx", "--data", "data.npz", *arguments)

    assert done.returncode == 3
    assert "gated" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("submit", "absent.skops", "--data", "iris.npz"), 3, "there is no file absent.skops"),
        pytest.param(("submit", ".", "--data", "iris.npz"), 3, ". is a folder", marks=pytest.mark.long),
        pytest.param(
            ("submit", "tree.skops", "--data", "absent.npz"), 3, "there is no file absent.npz", marks=pytest.mark.long
        ),
        (
            ("submit", "tree.skops", "--data", "iris.npz", "--limit", "acuracy>=1"),
            3,
            "the nearest valid one is 'accuracy'",
        ),
        (("submit", "tree.skops", "--data", "iris.npz", "--plan", "tree.skops"), 3, "tree.skops"),
        (("submit", "model.onnx", "--data", "narrow.npz", "--local"), 3, "the model takes 4 features"),
        (("submit", "tree.skops", "--data", "iris.npz", "--agent", "nowhere"), 2, "'nowhere' is not HOST:PORT"),
        (("show", "zzz"), 3, "There is no job zzz"),
        pytest.param(("cancel", "zzz"), 3, "There is no job zzz", marks=pytest.mark.long),
        (("frobnicate",), 2, "invalid choice"),
        (("serve", "--listen", "0.0.0.0", "--port", "0", "--insecure"), 3, "mltest-coordinator client-key"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    home: Home, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = home.run(*arguments)

    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_mistake_is_data_as_well(home: Home) -> None:
    done = home.run("show", "zzz", "--json")

    assert json.loads(done.stdout)["error"]["code"] == "JOB_UNKNOWN"
    assert done.returncode == 3


def test_the_printed_plan_can_be_submitted_as_it_is(home: Home) -> None:
    from mltest.coordinator.planning.plan import Plan
    from mltest.coordinator.planning.plan_file import parse_plan

    assert parse_plan(home.run("plan").stdout) == Plan()


def test_a_preview_is_text_and_data(home: Home) -> None:
    arguments = ("plan", "model.onnx", "--data", "data.npz", "--plan", "plan.toml")

    assert home.json(*arguments)["text"] in home.run(*arguments).stdout


def test_completion_and_version_are_printed(home: Home) -> None:
    completion = home.run("completion", "bash").stdout
    assert "submit" in completion
    assert "compgen -W 'none all" in completion
    assert "prune-trees=" in completion
    assert home.run("--version").stdout.startswith("mltest-coordinator ")


def test_a_reader_that_leaves_early_is_no_error(home: Home, job_id: str) -> None:
    command = f"{BIN / 'mltest-coordinator'} samples {job_id} --csv | head -n 1"
    environment = os.environ | {"MLTEST_STATE_DIR": str(home.folder / "state")}

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert done.returncode == 0


def test_a_relative_state_directory_is_as_good_as_any(home: Home, resident: Running) -> None:
    where = ("--no-discovery", "--agent", resident.address, "--runtime", "onnxruntime", "--state-dir", "here")
    done = home.run("submit", "model.onnx", "--data", "data.npz", "--plan", "plan.toml", "--rounds", "1", *where)
    assert done.returncode == 0, done.stdout + done.stderr
    hint = done.stdout.split("Every figure: mltest-coordinator ")[1].splitlines()[0]
    assert home.run(*hint.split()).returncode == 0
