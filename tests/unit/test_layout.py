"""What keeps the repository in one piece: source roots, pins, units of code."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("proto", "shared", "agent", "coordinator")


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout; run the tests in a clone")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_no_init_file_hides_the_other_source_roots(root: str) -> None:
    assert (ROOT / root / "mltest").is_dir()
    assert not (ROOT / root / "mltest" / "__init__.py").exists()


@pytest.mark.parametrize("package", ["agent/mltest/agent", "coordinator/mltest/coordinator", "shared/mltest/shared"])
def test_every_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()


def test_every_pin_is_exact_and_names_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) > 40
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!]+", line)] == []


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[<>=~!; ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert names - pinned == {"mltest-fleet"}


def test_no_tracked_file_is_over_a_mebibyte() -> None:
    assert [path for path in tracked_files() if path.stat().st_size > 2**20] == []


def test_no_source_file_is_over_four_hundred_lines() -> None:
    sources = [path for path in tracked_files() if path.suffix == ".py" and "_pb2" not in path.name]
    assert [path for path in sources if len(path.read_text().splitlines()) > 400] == []
