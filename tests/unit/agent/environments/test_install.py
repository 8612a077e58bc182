"""Making and removing environments, with the real pip and wheels of this folder."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.agent.environments.environments import Environments, interpreter_in
from mltest.agent.environments.install import PINS, install, remove
from mltest.agent.runtimes.registry import runtimes
from mltest.shared.errors import RequestInvalidError, RuntimeInstallError, StoreBusyError
from mltest.shared.state import locked_state
from tests.unit.agent.environments.wheels import NEEDS, write_wheel

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)


def pinned(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    pins = folder / "pins.txt"
    pins.write_text(text)
    monkeypatch.setattr("mltest.agent.environments.install.PINS", pins)


def installed(folder: Path, wheels: Path, said: list[str] | None = None) -> str:
    say = (said if said is not None else []).append
    return install(NEEDS, folder, ["--no-index", f"--find-links={wheels}"], say)


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def test_an_environment_holds_the_runtime_and_nothing_of_the_agent(tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "1.5")
    said: list[str] = []

    assert installed(tmp_path / "own", tmp_path / "wheels", said) == "1.5"

    assert any("tinyruntime" in line for line in said)
    assert left_over(tmp_path / "own") == ["tiny"]
    python = Environments(tmp_path / "own").python_of("tiny")
    assert python is not None
    names = ("tinyruntime", "numpy", "mltest", "pip")
    program = f"from importlib.util import find_spec; print(*[name for name in {names} if find_spec(name)])"
    found = subprocess.run([str(python), "-I", "-c", program], check=True, capture_output=True, text=True).stdout
    assert found.split() == ["tinyruntime"]


def test_others_may_read_an_environment_whatever_the_umask_is(tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "1.5")
    before = os.umask(0o077)
    try:
        installed(tmp_path / "own", tmp_path / "wheels")
    finally:
        os.umask(before)
    (module,) = (tmp_path / "own" / "tiny").glob("lib/*/site-packages/tinyruntime.py")
    for path in (module, *module.parents):
        if path == tmp_path:
            break
        assert path.stat().st_mode & 0o044 == 0o044, path


def test_a_newer_one_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "1.5")
    installed(tmp_path / "own", tmp_path / "wheels")
    write_wheel(tmp_path / "wheels", "1.6")

    assert installed(tmp_path / "own", tmp_path / "wheels") == "1.6"

    assert left_over(tmp_path / "own") == ["tiny"]


NOT_INSTALLED: dict[str, tuple[dict[str, str], str]] = {
    "wheel of another machine": (
        {"tag": "py3-none-manylinux_2_99_riscv64"},
        r"no wheel of tinyruntime for Python 3\.\d+.*pip: .*No matching",
    ),
    "missing dependency": ({"requires": "not-there>=2"}, r"no wheel of not-there>=2 for Python"),
    "does not import": ({"code": "import not_there"}, "No module named 'not_there'"),
}


def test_what_cannot_be_installed_says_why_and_leaves_the_old_one(tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "1.5")
    installed(tmp_path / "own", tmp_path / "wheels")
    environments = Environments(tmp_path / "own")

    for name, (wheel, reason) in NOT_INSTALLED.items():
        write_wheel(tmp_path / name, "1.6", **wheel)
        with pytest.raises(RuntimeInstallError, match=reason):
            installed(tmp_path / "own", tmp_path / name)
        assert environments.failure_of("tiny")
        assert left_over(tmp_path / "own") == ["tiny", "tiny.failed"], name

    assert installed(tmp_path / "own", tmp_path / "wheels") == "1.5"
    assert environments.failure_of("tiny") == ""


def test_a_pinned_version_without_a_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned(monkeypatch, tmp_path, "tinyruntime==1.4\n")
    write_wheel(tmp_path / "wheels", "1.5")

    with pytest.raises(RuntimeInstallError, match=r"no wheel of tinyruntime==1\.4 for Python"):
        installed(tmp_path / "own", tmp_path / "wheels")


def test_what_conflicts_with_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned(monkeypatch, tmp_path, "numpy==1.0\n")
    write_wheel(tmp_path / "wheels", "1.5", requires="numpy>=2")

    with pytest.raises(RuntimeInstallError, match=r"tinyruntime 1\.5 depends on numpy>=2") as caught:
        installed(tmp_path / "own", tmp_path / "wheels")

    assert "no wheel" not in caught.value.message


def test_a_source_distribution_is_not_built(tmp_path: Path) -> None:
    source = tmp_path / "wheels" / "tinyruntime-1.5"
    source.mkdir(parents=True)
    (source / "setup.py").write_text("raise SystemExit('it was run')\n")
    subprocess.run(["tar", "czf", "../tinyruntime-1.5.tar.gz", "."], cwd=source, check=True)

    with pytest.raises(RuntimeInstallError, match="no wheel of tinyruntime"):
        installed(tmp_path / "own", tmp_path / "wheels")


def test_an_index_that_cannot_be_reached_is_named_as_the_reason(tmp_path: Path) -> None:
    options = ["--index-url=http://127.0.0.1:9/simple", "--retries=1", "--timeout=1"]

    with pytest.raises(RuntimeInstallError, match="index cannot be reached"):
        install(NEEDS, tmp_path / "own", options, lambda _: None)


def test_a_machine_for_which_there_are_no_wheels_is_told_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(RuntimeInstallError, match="there are no wheels of tinyruntime for"):
        install(replace(NEEDS, machines=("vax",)), tmp_path / "own", [], lambda _: None)


_UNTIL_ITS_PARENT_ENDS = """
import os, time
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.05)
"""
_INSTALL = """
import signal, sys
from pathlib import Path
from mltest.agent.environments.install import install
from tests.unit.agent.environments.wheels import NEEDS
signal.signal(signal.SIGINT, signal.default_int_handler)
install(NEEDS, Path(sys.argv[1]), ["--no-index", "--find-links=" + sys.argv[2]], lambda line: print(line, flush=True))
"""


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGKILL, id="killed"), pytest.param(signal.SIGINT, id="interrupted", marks=pytest.mark.long)],
)
def test_an_installation_that_is_ended_leaves_nothing_that_is_used(tmp_path: Path, number: signal.Signals) -> None:
    write_wheel(tmp_path / "wheels", "1.5", code=_UNTIL_ITS_PARENT_ENDS)
    command = [sys.executable, "-c", _INSTALL, str(tmp_path / "own"), str(tmp_path / "wheels")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("importing"):
                break
        process.send_signal(number)
        process.wait()

    assert Environments(tmp_path / "own").python_of("tiny") is None
    if number == signal.SIGINT:
        assert left_over(tmp_path / "own") == []
    write_wheel(tmp_path / "good", "1.5")
    assert installed(tmp_path / "own", tmp_path / "good") == "1.5"
    assert left_over(tmp_path / "own") == ["tiny"]


def test_a_removed_environment_is_gone_at_once(tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "1.5")
    installed(tmp_path / "own", tmp_path / "wheels")

    remove("tiny", tmp_path / "own")

    assert left_over(tmp_path / "own") == []
    with pytest.raises(RequestInvalidError, match="tiny has no environment of its own"):
        remove("tiny", tmp_path / "own")


def test_two_do_not_install_in_one_folder_at_once(tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "1.5")
    with locked_state(tmp_path / "own"), pytest.raises(StoreBusyError):
        installed(tmp_path / "own", tmp_path / "wheels")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RequestInvalidError, match="no environment can be made"):
        installed(tmp_path / "file" / "own", tmp_path / "wheels")


def test_the_pins_are_those_of_the_project() -> None:
    assert PINS.read_bytes() == (ROOT / "constraints.txt").read_bytes()


def test_whatever_a_runtime_installs_is_pinned() -> None:
    pinned = {line.split("==")[0].lower() for line in PINS.read_text().splitlines()}
    for name, runtime in runtimes().items():
        assert {package.lower() for package in runtime.needs.packages} <= pinned, name


def test_the_first_folder_with_an_environment_decides(tmp_path: Path) -> None:
    for place in ("agent", "machine"):
        (tmp_path / place / "openvino").mkdir(parents=True)
    (tmp_path / "machine" / "daal4py").mkdir()
    found = Environments(tmp_path / "agent", tmp_path / "machine")

    assert found.folder_of("openvino") == tmp_path / "agent" / "openvino"
    assert found.python_of("daal4py") == interpreter_in(tmp_path / "machine" / "daal4py")
    assert found.python_of("treelite") is None


@pytest.mark.parametrize("name", ["..", ".tiny.x", "a/b", "", "/etc"])
def test_names_of_others_are_no_environments(tmp_path: Path, name: str) -> None:
    (tmp_path / ".tiny.x").mkdir()
    assert Environments(tmp_path).folder_of(name) is None
