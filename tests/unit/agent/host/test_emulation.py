"""Who plays the processor: by what the kernel executes, whatever an emulator says otherwise."""

import os
import sys
from functools import partial
from pathlib import Path

import pytest

from mltest.agent.host.emulation import read_emulator
from mltest.agent.host.machine_class import machine_class
from mltest.agent.meters.listing import meter_infos, meters_data, meters_text
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import MeterSite
from mltest.shared.domain import MachineClass
from tests.machines.energy_trees import agx_orin, write_tree

X86, AARCH64, ARM = 62, 183, 40


def executed(root: Path, machine: int, *, name: str = "python3", is_little: bool = True) -> Path:
    """Make a tree whose kernel executes a program for `machine` (e_machine of elf.h) under the name `name`."""
    program = root / "usr/bin" / name
    program.parent.mkdir(parents=True)
    number = machine.to_bytes(2, "little" if is_little else "big")
    program.write_bytes(b"\x7fELF" + bytes([2, 1 if is_little else 2]) + bytes(12) + number)
    (root / "proc/thread-self").mkdir(parents=True)
    (root / "proc/thread-self/exe").symlink_to(program)
    return root


@pytest.mark.parametrize(
    ("machine", "architecture", "emulator"),
    [
        (X86, "aarch64", "qemu-aarch64"),
        (AARCH64, "x86_64", "qemu-aarch64"),
        (X86, "armv7l", "qemu-aarch64"),
        (X86, "x86_64", ""),
        (AARCH64, "aarch64", ""),
        (ARM, "aarch64", ""),
        (ARM, "armv7l", ""),
    ],
)
def test_a_program_for_another_processor_is_an_emulator(
    tmp_path: Path, machine: int, architecture: str, emulator: str
) -> None:
    assert read_emulator(executed(tmp_path, machine, name="qemu-aarch64"), architecture) == emulator


def test_the_byte_order_of_the_program_counts(tmp_path: Path) -> None:
    assert read_emulator(executed(tmp_path, 22, is_little=False), "s390x") == ""
    assert read_emulator(tmp_path, "x86_64") == "python3"


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n" * 9, b"\x7fELF"])
def test_what_cannot_be_told_is_no_emulator(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "proc/thread-self").mkdir(parents=True)
    (tmp_path / "proc/thread-self/exe").write_bytes(content)
    assert read_emulator(tmp_path, "aarch64") == ""
    assert read_emulator(tmp_path / "nowhere", "aarch64") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="run it on Linux: /proc is asked")
def test_this_process_runs_on_a_processor() -> None:
    assert read_emulator(Path("/"), os.uname().machine) == ""


def test_nothing_that_is_emulated_has_another_class() -> None:
    best = partial(machine_class, foreign_ratio=0.0, steal_ratio=0.0, canary_cv_ratio=0.001)
    assert best(is_emulated=True) is MachineClass.EMULATED
    assert best() is MachineClass.DEDICATED


def test_no_meter_can_be_used_under_an_emulator_and_all_say_why(tmp_path: Path) -> None:
    found = discovered(MeterSite(root=write_tree(tmp_path, agx_orin())))
    assert next((one.name, one.is_available) for one in meter_infos(found)) == ("jetson-ina", True)

    infos = meter_infos(found, "qemu-aarch64")
    assert [(one.name, one.is_available, one.boundaries) for one in infos] == [("jetson-ina", False, ())]
    assert "qemu-aarch64 plays the processor" in infos[0].reason
    assert meters_text(found, "qemu-aarch64").startswith("invalid: qemu-aarch64 plays the processor")
    assert "qemu-aarch64" in meters_data(found, "qemu-aarch64")["invalid"]
    assert "invalid" not in meters_data(found)
