"""A whole job with an ear in both daemons: no pickle is loaded there, and nothing that opens models is imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models import ModelFiles
from tests.processes import BIN, ProcessGroup

EAR = """
import os, pickle, sys

_LOG = {log!r}
_OPENERS = {{"joblib", "numpy", "onnx", "onnxruntime", "pyarrow", "scipy", "skl2onnx", "sklearn", "skops", "treelite"}}


def _note(what):
    with open(_LOG, "a") as log:
        log.write(f"{{os.path.basename(sys.argv[0])}} {{' '.join(sys.argv[1:2])}}: {{what}}\\n")


def _hear(event, arguments):
    if event == "import" and arguments[0].split(".")[0] in _OPENERS:
        _note("import " + arguments[0])
    elif event == "pickle.find_class":
        _note("pickle.find_class " + ".".join(map(str, arguments)))


def _told(name, original):
    def call(*arguments, **named):
        _note(name)
        return original(*arguments, **named)

    return call


sys.addaudithook(_hear)
for _name in ("load", "loads", "Unpickler"):
    setattr(pickle, _name, _told("pickle." + _name, getattr(pickle, _name)))
_note("listening")
"""
PLAN = """
[job]
rounds = 1
row_cap = 200
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {batch_sizes = [1], slice_count = 2, slice_s = 0.005, warmup_s = 0.01}
[[tests]]
module = "mltest.coordinator.tests.agreement"
class = "Agreement"
[candidates]
runtimes = ["onnxruntime", "treelite"]
transforms = ["none"]
skip = ["*, *"]
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where every Python program that is started from here, and not isolated, tells what it opens."""
    folder = tmp_path / "ear"
    folder.mkdir()
    log = tmp_path / "heard"
    (folder / "sitecustomize.py").write_text(EAR.format(log=str(log)))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return log


@pytest.mark.promise(12)
def test_the_ear_hears_a_pickle_and_an_import(log: Path) -> None:
    subprocess.run([sys.executable, "-c", "import pickle; pickle.loads(pickle.dumps(1)); import numpy"], check=True)
    heard = log.read_text()
    assert "pickle.loads" in heard and "import numpy" in heard


@pytest.mark.promise(12)
def test_a_job_is_done_without_a_model_being_opened_in_a_daemon(
    log: Path, forest: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.agent(
        tmp_path / "agent", "--port", "0", "--no-advertise", runtimes="scikit-learn,onnxruntime,treelite"
    )
    home = tmp_path / "home"
    coordinator = processes.coordinator(home, "--port", "0")
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    command = [str(BIN / "mltest-coordinator"), "--json", "--state-dir", str(home), "submit", str(forest.model)]
    command += ["--data", str(forest.data), "--plan", str(plan), "--no-discovery", "--agent", agent.address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["standings"]["rows"]) >= 3
    assert (agent.stop(), coordinator.stop()) == (0, 0)

    heard = log.read_text().splitlines()
    assert {"mltest-agent serve: listening"} <= set(heard)
    assert sum("listening" in line for line in heard) >= 3
    assert [line for line in heard if "listening" not in line] == []
