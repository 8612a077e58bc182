"""What the firmware of a Raspberry Pi says through its program, where the kernel has no file of it."""

from pathlib import Path

import pytest

from mltest.agent.host.throttle_watch import ThrottleWatch
from mltest.agent.host.throttling import Sign, SignKind, find_signs, throttled_since_start
from mltest.agent.host.visit_watch import VisitWatch
from mltest.shared.domain import MachineClass, MachineState
from tests.machines.energy_trees import write_tree

PLENTY_NS = 10**12
BITS, CALLS = "bits", "calls"


def raspberry_pi(root: Path, *, model: str = "Raspberry Pi 4 Model B Rev 1.1") -> Path:
    """Return a board whose program says what stands in a file, and counts how often it was started."""
    program = f'#!/bin/sh\necho "$1" >> {root}/{CALLS}\necho "throttled=$(cat {root}/{BITS})"\n'
    return write_tree(
        root, {"proc/device-tree/model": f"{model}\0", "usr/bin/vcgencmd": program, BITS: "0x50000\n", CALLS: ""}
    )


def calls(root: Path) -> list[str]:
    """Return the arguments of every start."""
    return (root / CALLS).read_text().split()


@pytest.mark.parametrize(
    ("bits", "causes"),
    [("0x50000", ()), ("0x50001", ("undervoltage",)), ("0xd0008", ("heat",)), ("0xd0000", ("heat",))],
)
def test_a_visit_is_told_what_the_firmware_says(tmp_path: Path, bits: str, causes: tuple[str, ...]) -> None:
    watch = VisitWatch(raspberry_pi(tmp_path), (0,), 1)
    (tmp_path / BITS).write_text(bits)

    state = MachineState(
        machine_class=MachineClass.DEDICATED, foreign_load_ratio=0.0, steal_ratio=0.0, canary_cv_ratio=0.0
    )
    assert watch.completed(state, ()).throttle_causes == causes
    assert set(calls(tmp_path)) == {"get_throttled"}


def test_no_program_is_started_between_slices(tmp_path: Path) -> None:
    watch = ThrottleWatch(raspberry_pi(tmp_path), (0,), PLENTY_NS)
    (tmp_path / BITS).write_text("0x50004\n")
    before = calls(tmp_path)

    assert not watch.look()
    assert calls(tmp_path) == before
    assert watch.look_closely()


def test_the_file_of_the_kernel_is_preferred(tmp_path: Path) -> None:
    root = write_tree(raspberry_pi(tmp_path), {"sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n"})

    assert [sign.kind for sign in find_signs(root)] == [SignKind.RASPBERRY_PI]
    assert calls(tmp_path) == []


def test_the_program_of_another_machine_is_never_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(raspberry_pi(tmp_path / "host") / "usr/bin"))
    board = write_tree(tmp_path / "board", {"proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"})
    other = raspberry_pi(tmp_path / "other", model="NVIDIA Jetson Orin NX")

    assert find_signs(board) == find_signs(other) == ()
    assert calls(tmp_path / "host") == calls(tmp_path / "other") == []


@pytest.mark.parametrize("script", ["echo VCHI initialization failed; exit 255", "echo error=2", "kill -9 $$"])
def test_a_program_that_does_not_answer_tells_nothing(tmp_path: Path, script: str) -> None:
    root = write_tree(raspberry_pi(tmp_path), {"usr/bin/vcgencmd": f"#!/bin/sh\n{script}\n"})

    assert find_signs(root) == ()
    assert Sign(root / "usr/bin/vcgencmd", SignKind.RASPBERRY_PI_PROGRAM).read() is None


def test_what_the_firmware_saw_since_the_start_is_told(tmp_path: Path) -> None:
    assert throttled_since_start(find_signs(raspberry_pi(tmp_path))) == (f"{tmp_path}/usr/bin/vcgencmd = 0x50000",)
