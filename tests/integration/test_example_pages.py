"""Every example with `--tests all`: on its page stands each test that there is, with a value or the reason why not.

The short form, of one small model, is `test_worth_of_a_model`.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mltest.coordinator.tests.registry import is_model_test, is_prediction_test, registered_tests

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "mltest-coordinator"
DEADLINE_S = 600.0
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*_*.py") if not path.name.startswith("_"))
PLAN = """
[job]
rounds = 1
row_cap = 200
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
"""


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_test_of_the_registry_stands_on_the_page_of_an_example(name: str, tmp_path: Path) -> None:
    save(name, tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN)
    run(tmp_path, "submit", "model.skops", "--data", "data.npz", "--tests", "all", "--plan", "plan.toml", "--local")
    job_id = json.loads(run(tmp_path, "jobs", "--json"))[0]["job_id"]
    found = json.loads(run(tmp_path, "show", job_id, "--json"))
    page = run(tmp_path, "show", job_id, "--tests")

    reported = {(one["module"], one["class_name"]): one for one in found["tests"]}
    assert reported.keys() == {(one.__module__, one.__qualname__) for one in registered_tests()}
    for one in reported.values():
        assert one["name"] in page
        assert (one["state"] == "done") == bool(one["value_count"])
        assert one["state"] == "done" or " ".join(one["reason"].split()[:4]) in " ".join(page.split())
    own = [one for one in registered_tests() if is_model_test(one) or is_prediction_test(one)]
    states = {reported[one.__module__, one.__qualname__]["state"] for one in own}
    assert states <= {"done", "does_not_apply", "no_value"}, "all is all"
    assert not [one["reason"] for one in found["results"] if one["metric"] == "broken_test"]
    assert len(page.splitlines()) < 600, "it can be read"


def save(name: str, folder: Path) -> None:
    """Train the model of an example and write it with its data, as the example does."""
    examples: Any = load("_submit")
    sys.modules["_submit"] = examples
    examples.save_example(folder, *load(name).trained())


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=os.environ | {"MLTEST_STATE_DIR": str(folder / "state"), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
