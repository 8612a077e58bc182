"""Tuning fake machines of real files: what is set, that all of it or nothing is, and that it comes back exactly."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.agent.cli import main
from mltest.agent.tune.place import FilePlace, place_named
from mltest.agent.tune.tuned import FILE, read_state
from mltest.agent.tune.tuning import Fate, apply, pending, revert
from mltest.shared.errors import TuneFailedError, TuneRefusedError
from tests.machines.energy_trees import write_tree

CPU = "sys/devices/system/cpu"
BOOT = "proc/sys/kernel/random/boot_id"
RATE = "proc/sys/kernel/perf_event_max_sample_rate"
GOVERNORS = tuple(f"{CPU}/cpu{cpu}/cpufreq/scaling_governor" for cpu in (0, 1, 10))
PREFERENCES = tuple(f"{CPU}/cpu{cpu}/cpufreq/energy_performance_preference" for cpu in (0, 1, 10))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An Intel machine with three processors, as it is delivered."""
    files = {BOOT: "boot-1\n", RATE: "100000\n", f"{CPU}/intel_pstate/no_turbo": "0\n", f"{CPU}/smt/control": "on\n"}
    for governor, preference in zip(GOVERNORS, PREFERENCES, strict=True):
        folder = str(Path(governor).parent)
        files |= {
            governor: "powersave\n",
            preference: "balance_performance\n",
            f"{folder}/scaling_available_governors": "performance powersave\n",
            f"{folder}/energy_performance_available_preferences": "default performance balance_performance power\n",
        }
    return write_tree(tmp_path / "machine", files)


@pytest.fixture
def stubborn() -> Iterator[Path]:
    """A file that says powersave and that nobody can write, root included."""
    descriptor = os.memfd_create("governor", os.MFD_ALLOW_SEALING)
    os.write(descriptor, b"powersave\n")
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    yield Path(f"/proc/self/fd/{descriptor}")
    os.close(descriptor)


def settings(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def values(root: Path) -> dict[str, str]:
    return {name: text for name, text in settings(root).items() if name != FILE}


def test_what_is_set_comes_back_exactly(root: Path) -> None:
    before = settings(root)
    assert {wish.place.name for wish in apply(root)} == {*GOVERNORS, *PREFERENCES, RATE, f"{CPU}/intel_pstate/no_turbo"}
    changed = {name for name, text in values(root).items() if text != before[name]}
    assert changed == {*GOVERNORS, *PREFERENCES, RATE, f"{CPU}/intel_pstate/no_turbo"}
    assert {(root / name).read_text() for name in (*GOVERNORS, *PREFERENCES)} == {"performance\n"}
    assert (root / RATE).read_text() == "1\n"
    assert pending(root) == ()

    assert {one.fate for one in revert(root)} == {Fate.REVERTED}
    assert settings(root) == before
    assert revert(root) == ()


def test_a_preference_is_set_before_its_governor_and_comes_back_behind_it(root: Path) -> None:
    order = [wish.place.name for wish in apply(root)]
    assert order.index(PREFERENCES[-1]) < order.index(GOVERNORS[0])
    assert [one.change.place for one in revert(root)] == order[::-1]


def test_the_first_values_stay_over_two_applies(root: Path) -> None:
    before = values(root)
    apply(root)
    (root / GOVERNORS[1]).write_text("schedutil\n")
    assert [wish.place.name for wish in apply(root)] == [GOVERNORS[1]]
    revert(root)
    assert values(root) == before


@pytest.mark.parametrize("is_tuned", [False, True])
def test_a_place_that_refuses_in_the_middle_leaves_nothing_changed(root: Path, stubborn: Path, is_tuned: bool) -> None:
    if is_tuned:
        apply(root)
        for name in GOVERNORS:
            (root / name).write_text("powersave\n")
    (root / GOVERNORS[1]).unlink()
    (root / GOVERNORS[1]).symlink_to(stubborn)
    before = settings(root)
    with pytest.raises(TuneFailedError, match=r"cpu1/cpufreq/scaling_governor does not take 'performance'.*nothing is"):
        apply(root)
    assert settings(root) == before


def test_what_cannot_be_put_back_at_once_is_kept_for_a_revert(
    root: Path, stubborn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / GOVERNORS[1]).unlink()
    (root / GOVERNORS[1]).symlink_to(stubborn)
    write = FilePlace.write

    def breaking(place: FilePlace, value: str) -> None:
        if place.name == PREFERENCES[0] and value != "performance":
            raise OSError(5, "Input/output error")
        write(place, value)

    with monkeypatch.context() as patch:
        patch.setattr(FilePlace, "write", breaking)
        with pytest.raises(TuneFailedError, match=r"these could not be put back: .*cpu0"):
            apply(root)
    assert [one.place for one in read_state(root).changes] == [PREFERENCES[0]]
    assert [one.fate for one in revert(root)] == [Fate.REVERTED]
    assert (root / PREFERENCES[0]).read_text() == "balance_performance\n"


def test_what_somebody_changed_since_is_left_unless_forced(root: Path) -> None:
    apply(root)
    (root / GOVERNORS[0]).write_text("schedutil\n")
    found = {one.change.place: one.fate for one in revert(root)}
    assert [name for name, fate in found.items() if fate is Fate.CHANGED] == [GOVERNORS[0]]
    assert (root / GOVERNORS[0]).read_text() == "schedutil\n"
    assert (root / GOVERNORS[1]).read_text() == "powersave\n"

    assert [one.fate for one in revert(root, is_forced=True)] == [Fate.REVERTED]
    assert (root / GOVERNORS[0]).read_text() == "powersave\n"


def test_a_processor_that_went_away_is_no_failure(root: Path) -> None:
    apply(root)
    (root / GOVERNORS[2]).unlink()
    assert [one.change.place for one in revert(root) if one.fate is Fate.GONE] == [GOVERNORS[2]]
    assert read_state(root).changes == ()


def test_a_start_of_the_machine_forgets_what_was_set(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apply(root)
    for name in (*GOVERNORS, *PREFERENCES):
        (root / name).write_text("powersave\n")
    (root / BOOT).write_text("boot-2\n")
    before = values(root)
    assert main(["tune", "--root", str(root)]) == 0
    assert "was started since" in capsys.readouterr().out
    assert main(["tune", "revert", "--root", str(root)]) == 0
    assert "nothing to revert" in capsys.readouterr().out
    assert values(root) == before
    assert not (root / FILE).exists()


def test_showing_changes_nothing_and_says_why(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = settings(root)
    assert main(["tune", "show", "--root", str(root)]) == 0
    said = capsys.readouterr().out
    assert "governor -> performance: another governor changes the clock" in said
    assert "Nothing is changed" in said
    assert "SMT: taking processors away" in said
    assert settings(root) == before
    assert main(["tune", "--json", "--root", str(root)]) == 0
    assert len(json.loads(capsys.readouterr().out)["would_set"]) == 8


def test_a_machine_that_lets_nothing_be_set_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "apply", "--root", str(tmp_path)]) == 0
    assert "Nothing to set" in capsys.readouterr().out
    assert settings(tmp_path) == {}


def test_a_state_that_names_other_files_is_not_believed(root: Path) -> None:
    apply(root)
    text = (root / FILE).read_text()
    (root / FILE).write_text(text.replace(RATE, "etc/passwd"))
    with pytest.raises(TuneFailedError, match="is no setting"):
        revert(root)
    for broken in ("{", "[" * 100_000, text.replace(f'"{RATE}"', "7")):
        (root / FILE).write_text(broken)
        with pytest.raises(TuneFailedError, match="cannot be read"):
            revert(root)
    with pytest.raises(ValueError, match="no setting"):
        place_named("sys/../etc/passwd", root)


@pytest.mark.skipif(os.geteuid() != 0, reason="sudo .venv/bin/python -m pytest tests/unit/agent/tune")
def test_who_may_not_write_is_told_the_command_that_may(root: Path) -> None:
    for folder in (root.parent, *root.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    code = (
        "import os, pathlib, sys\n"
        "from mltest.agent.tune.tuning import apply\n"
        "from mltest.shared.errors import TuneRefusedError\n"
        "from mltest.shared.status import next_step_of\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: apply(pathlib.Path(sys.argv[1]))\n"
        "except TuneRefusedError as error: print(error.message, '|', next_step_of(error))\n"
    )
    before = settings(root)
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True)
    assert "and 7 more may not be written by this user" in done.stdout, done.stderr
    assert done.stdout.strip().endswith("| sudo mltest-agent tune apply")
    assert settings(root) == before


def test_persistence_of_a_gpu_goes_through_its_tool(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "persistence"
    state.write_text("Disabled\n")
    tool = tmp_path / "bin/nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\ncase "$*" in *"-pm 1"*) echo Enabled >{state};; *"-pm 0"*) echo Disabled >{state};;\n'
        f'*persistence_mode*) cat {state};; *name*) echo "Some GPU, 8192, 560.1";; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    write_tree(root, {"proc/driver/nvidia/version": "560.1\n"})

    assert "nvidia-smi persistence 0" in {wish.place.name for wish in apply(root)}
    assert state.read_text() == "Enabled\n"
    assert {one.fate for one in revert(root)} == {Fate.REVERTED}
    assert state.read_text() == "Disabled\n"


def test_refusals_have_a_next_step() -> None:
    assert TuneRefusedError(detail="x").code == "TUNE_REFUSED"
