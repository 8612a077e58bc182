"""The tests of a file stay together on one worker, and what is said of how long they take is about files that exist."""

import os
import subprocess
import sys
from pathlib import Path

from tests.scheduling import SECONDS, scope_of

ROOT = Path(__file__).parents[2]
TESTS = """
import pathlib
import pytest

@pytest.mark.parametrize("number", range(12))
def test_something(number, worker_id):
    with pathlib.Path("{name}.workers").open("a") as workers:
        workers.write(worker_id + "\\n")
"""


def test_the_tests_of_a_file_are_run_by_one_worker_and_files_are_shared(tmp_path: Path) -> None:
    names = [f"test_{letter}" for letter in "abcdef"]
    for name in names:
        (tmp_path / f"{name}.py").write_text(TESTS.format(name=name))
    options = ("-q", "-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-p", "tests.scheduling")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-n", "2", *(f"{name}.py" for name in names)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    workers = [(tmp_path / f"{name}.workers").read_text().split() for name in names]
    assert [len(found) for found in workers] == [12] * 6
    assert [len(set(found)) for found in workers] == [1] * 6
    assert {worker for found in workers for worker in found} == {"gw0", "gw1"}


def test_a_file_belongs_to_the_group_that_it_names() -> None:
    assert scope_of("tests/system/test_abuse.py::test_garbage[1]") == "abuse"
    assert scope_of("tests/integration/test_engine.py::test_x") == "tests/integration/test_engine.py"


def test_what_takes_long_is_a_file_or_a_group_that_exists() -> None:
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(SECONDS) <= {scope_of(path) for path in files}
