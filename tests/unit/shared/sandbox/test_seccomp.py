"""The filter of system calls, run by a machine of our own, and its numbers held against the kernel's headers."""

import re
from errno import ENOMEM, ENOSYS, EPERM
from pathlib import Path

import pytest

from mltest.shared.sandbox.limits import Confinement
from mltest.shared.sandbox.seccomp_program import program
from mltest.shared.sandbox.seccomp_rules import Rule, rules_for
from mltest.shared.sandbox.syscall_numbers import AUDIT_ARCH, NUMBERS
from tests.unit.shared.sandbox.bpf import decision

PID = 4321
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
MAX_INSTRUCTIONS = 4096
"""BPF_MAXINSNS."""


def decided(machine: str, confinement: Confinement, call: str, *arguments: int) -> int | None:
    code = program(rules_for(confinement, PID), NUMBERS[machine], AUDIT_ARCH[machine])
    return decision(code, AUDIT_ARCH[machine], NUMBERS[machine][call], *arguments)


@pytest.mark.parametrize("machine", NUMBERS)
def test_numbers_are_those_of_the_kernel(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers here; apt install linux-libc-dev")
    pattern = re.compile(r"#define __NR(?:3264)?_(\w+)\s+(\d+)")
    known = {name: int(number) for name, number in pattern.findall(HEADERS[machine].read_text())}
    differing = {name for name, number in NUMBERS[machine].items() if known.get(name, number) != number}
    assert differing == set()
    # Newer calls than the headers' kernel may be missing there, and no others.
    assert {number for name, number in NUMBERS[machine].items() if name not in known} <= set(range(450, 480))


@pytest.mark.parametrize("machine", NUMBERS)
@pytest.mark.parametrize(
    "call", ["socket", "connect", "ptrace", "mount", "bpf", "keyctl", "io_uring_setup", "unshare", "perf_event_open"]
)
@pytest.mark.parametrize("confinement", [Confinement.MODEL, Confinement.COMPILER])
def test_what_only_an_attack_needs_is_denied_as_if_there_were_no_right(
    machine: str, call: str, confinement: Confinement
) -> None:
    assert decided(machine, confinement, call) == EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_a_model_starts_threads_but_no_processes(machine: str) -> None:
    assert decided(machine, Confinement.MODEL, "clone", 0x3D0F00) is None
    assert decided(machine, Confinement.MODEL, "clone", 17) == EPERM
    assert decided(machine, Confinement.MODEL, "clone3") == ENOSYS
    assert decided(machine, Confinement.MODEL, "execve") == EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_a_compiler_starts_programs_but_no_namespaces(machine: str) -> None:
    assert decided(machine, Confinement.COMPILER, "clone", 17) is None
    assert decided(machine, Confinement.COMPILER, "execve") is None
    assert decided(machine, Confinement.COMPILER, "clone", 0x10000000 | 17) == EPERM
    assert decided(machine, Confinement.COMPILER, "setsid") == EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_signals_reach_only_the_process_itself(machine: str) -> None:
    assert decided(machine, Confinement.MODEL, "kill", PID, 9) is None
    assert decided(machine, Confinement.MODEL, "kill", PID + 1, 9) == EPERM
    assert decided(machine, Confinement.MODEL, "kill", -1, 9) == EPERM
    assert decided(machine, Confinement.MODEL, "tgkill", PID, PID + 5, 6) is None
    assert decided(machine, Confinement.MODEL, "tgkill", 1, 1, 9) == EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_shared_memory_of_nobody_is_denied_and_private_memory_is_not(machine: str) -> None:
    assert decided(machine, Confinement.MODEL, "mmap", 0, 4096, 3, 0x21) == ENOMEM
    assert decided(machine, Confinement.MODEL, "mmap", 0, 4096, 3, 0x22) is None
    assert decided(machine, Confinement.MODEL, "mmap", 0, 4096, 3, 0x01) is None


@pytest.mark.parametrize("machine", NUMBERS)
def test_one_call_is_left_to_the_driver_of_a_gpu_and_no_other(machine: str) -> None:
    plain, with_gpu = (rules_for(Confinement.MODEL, PID, uses_gpu=uses_gpu) for uses_gpu in (False, True))
    assert [rule.call for rule in plain if rule not in with_gpu] == ["memfd_create"]
    assert set(with_gpu) < set(plain)
    code = program(with_gpu, NUMBERS[machine], AUDIT_ARCH[machine])
    assert decision(code, AUDIT_ARCH[machine], NUMBERS[machine]["memfd_create"]) is None
    assert decided(machine, Confinement.MODEL, "memfd_create") == EPERM


@pytest.mark.parametrize("machine", NUMBERS)
def test_opening_to_read_may_not_truncate(machine: str) -> None:
    assert decided(machine, Confinement.MODEL, "openat", -100, 0, 0o1000) == EPERM
    assert decided(machine, Confinement.MODEL, "openat", -100, 0, 0o1101) is None
    assert decided(machine, Confinement.MODEL, "openat", -100, 0, 0) is None


def test_other_interfaces_of_the_kernel_are_denied() -> None:
    code = program(rules_for(Confinement.MODEL, PID), NUMBERS["x86_64"], AUDIT_ARCH["x86_64"])
    assert decision(code, 0x40000003, 1) == EPERM
    assert decision(code, AUDIT_ARCH["x86_64"], 0x40000000 + 41) == EPERM


@pytest.mark.parametrize("allows", [False, True])
def test_each_value_of_a_rule_counts(allows: bool) -> None:
    code = program([Rule(call="x", argument=2, values=(5, 6, 7), allows=allows)], {"x": 9}, 1)
    for value in range(3, 10):
        is_named = value in (5, 6, 7)
        assert (decision(code, 1, 9, 0, 0, value) is None) == (is_named == allows)


@pytest.mark.parametrize("machine", NUMBERS)
@pytest.mark.parametrize("confinement", [Confinement.MODEL, Confinement.COMPILER])
def test_the_program_is_short_enough_for_the_kernel(machine: str, confinement: Confinement) -> None:
    code = program(rules_for(confinement, PID), NUMBERS[machine], AUDIT_ARCH[machine])
    assert len(code) // 8 < MAX_INSTRUCTIONS
