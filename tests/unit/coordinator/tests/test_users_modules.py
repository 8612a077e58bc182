"""A module of a user's tests is found by its name in a plan, in a fresh interpreter, as an installed package is."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.registry import make_test
for module, name in [line.split() for line in sys.stdin]:
    try:
        print(make_test(TestChoice(module=module, class_name=name, params={})))
    except Exception as error:
        print(type(error).__name__, error)
"""
GOOD = """
from dataclasses import dataclass
from typing import ClassVar
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs

@test
@dataclass(frozen=True)
class Mine:
    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "mine"

    def examine(self, evidence):
        return []
"""


def said(folder: Path, *names: str, variables: dict[str, str] | None = None) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        input="\n".join(names),
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return run.stdout.splitlines()


def test_modules_of_users_are_found_by_name_or_refused_with_the_line_that_breaks(tmp_path: Path) -> None:
    package = tmp_path / "lab"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "checks.py").write_text(GOOD)
    (tmp_path / "broken.py").write_text(GOOD + "\nimport torch_of_nobody\n")
    (tmp_path / "wrong.py").write_text(GOOD + "\n  x = (\n")
    (tmp_path / "bare.py").write_text(GOOD.replace("@dataclass(frozen=True)\n", ""))
    (tmp_path / "stranger.py").write_text("raise SystemExit('nobody may import this')")
    asked = ("lab.checks Mine", "lab.checks Yours", "broken Mine", "wrong Mine", "bare Mine", "stranger Mine")
    good, other, broken, wrong, bare, stranger = said(tmp_path, *asked)
    assert good == "Mine()"
    assert "lab.checks has no test 'Yours'" in other
    lines = len(GOOD.splitlines())
    assert "the test module 'broken' cannot be imported: ModuleNotFoundError: No module named" in broken
    assert f"broken.py:{lines + 2})" in broken
    assert "cannot be imported: IndentationError" in wrong
    assert "wrong.py:" in wrong
    assert "Mine has to be a dataclass: put @dataclass below @test" in bare
    assert "no test module 'stranger'" in stranger, "what registers no test is not imported because a plan names it"


def test_folders_that_child_processes_do_not_see_hold_no_tests(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(GOOD)
    (found,) = said(tmp_path, "elsewhere Mine", variables={"PYTHONPATH": str(tmp_path)})
    assert "no test module 'elsewhere'" in found
