"""`compare`, `submit --against` and `regress` as a user has them: real processes, a real agent, a real model."""

from pathlib import Path

import pytest

from tests.integration.test_command_line import Home
from tests.models import logistic_on_noise
from tests.processes import Running

PLAN = """
[job]
rounds = 1
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = { batch_sizes = [1], slice_count = 3, slice_s = 0.005, warmup_s = 0.01 }
[[tests]]
module = "mltest.coordinator.tests.size"
class = "Size"
[candidates]
runtimes = ["onnxruntime"]
transforms = ["none"]
skip = ["*, *"]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder: Path = tmp_path_factory.mktemp("home")
    logistic_on_noise(folder)
    (folder / "plan.toml").write_text(PLAN)
    return Home(folder)


def test_old_against_new_from_the_command_line(home: Home, resident: Running) -> None:
    """One long story, since each job takes seconds."""
    where = ("--no-discovery", "--agent", resident.address)
    submit = ("submit", "model.onnx", "--data", "data.npz", "--plan", "plan.toml", *where)
    assert home.run(*submit).returncode == 0
    old = str(home.json("jobs")[0]["job_id"])
    done = home.run(*submit, "--against", old[:6])
    assert done.returncode == 0, done.stderr
    new = str(home.json("jobs")[0]["job_id"])
    assert f"onnxruntime ({old[:6]})" in done.stdout

    compared = home.run("compare", old[:6], new[:6], columns=160)
    assert compared.returncode == 0, compared.stderr
    assert compared.stdout.startswith(f"{old} -> {new}: times compared in the same slices")
    assert "median latency at 1 row" in compared.stdout
    assert "~ cannot be told apart" in compared.stdout
    assert home.json("compare", old, new)["is_paired"]

    regressed = home.run("regress", columns=160)
    assert regressed.returncode == 0, regressed.stderr
    assert regressed.stdout.startswith(f"{new}: nothing is worse")
    assert home.json("regress", old, "--metric", "size")["job_id"] == old


def test_a_job_that_is_not_there_is_named(home: Home) -> None:
    for arguments in (("compare", "nothing", "nothing"), ("regress", "nothing")):
        done = home.run(*arguments)
        assert done.returncode == 3
        assert "There is no job nothing" in done.stderr


def test_without_any_job_there_is_nothing_to_follow(tmp_path: Path) -> None:
    done = Home(tmp_path).run("regress")

    assert done.returncode == 0
    assert done.stdout.startswith("No job is done yet.")
