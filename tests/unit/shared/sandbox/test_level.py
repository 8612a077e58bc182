"""How well a sandbox holds, told from what was tried."""

import pytest

from mltest.shared.domain import SandboxLevel
from mltest.shared.sandbox.level import is_at_least, sandbox_level

WALLS = ("landlock 7", "seccomp", "namespaces", "rlimits")


@pytest.mark.promise(22)
def test_a_sandbox_that_stops_everything_is_full_even_without_namespaces() -> None:
    found = sandbox_level(("landlock 1", "seccomp", "rlimits"), ())
    assert (found.level, found.reason) == (SandboxLevel.FULL, "")


@pytest.mark.promise(22)
def test_what_was_not_stopped_is_named_with_what_the_kernel_lacks() -> None:
    found = sandbox_level(("seccomp", "rlimits"), ("reading other files", "writing other files"))
    assert found.level is SandboxLevel.DEGRADED
    assert found.reason.startswith("not stopped: reading other files, writing other files; the kernel lacks Landlock")


@pytest.mark.promise(22)
def test_files_and_network_open_is_no_sandbox() -> None:
    found = sandbox_level(("rlimits",), ("reading other files", "TCP", "UDP"))
    assert found.level is SandboxLevel.NONE
    assert "Landlock" in found.reason and "seccomp" in found.reason


@pytest.mark.promise(22)
def test_a_sandbox_that_could_not_be_tried_counts_as_none() -> None:
    assert sandbox_level(WALLS, (), "no memory").level is SandboxLevel.NONE


@pytest.mark.parametrize(
    ("level", "wanted", "is_enough"),
    [
        (SandboxLevel.FULL, SandboxLevel.FULL, True),
        (SandboxLevel.DEGRADED, SandboxLevel.FULL, False),
        (SandboxLevel.DEGRADED, SandboxLevel.DEGRADED, True),
        (SandboxLevel.NONE, SandboxLevel.DEGRADED, False),
        (SandboxLevel.UNSPECIFIED, SandboxLevel.DEGRADED, False),
        (SandboxLevel.UNSPECIFIED, SandboxLevel.NONE, False),
    ],
)
@pytest.mark.promise(22)
def test_levels_have_an_order(level: SandboxLevel, wanted: SandboxLevel, is_enough: bool) -> None:
    assert is_at_least(level, wanted) is is_enough
