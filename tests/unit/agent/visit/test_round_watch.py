"""What speaks against a round of energy."""

import time
from pathlib import Path

import pytest

from mltest.agent.launch.role import OwnTime
from mltest.agent.visit.round_watch import RoundWatch
from mltest.shared.domain import RoundState
from mltest.shared.energy.soundness import unsound_reason
from tests.unit.agent.host.machines import bare_metal, stat, write

TICK_S = 0.01


def watched(root: Path, *, busy: int, idle: int, steal: int = 0) -> RoundState:
    """Let so many ticks of processors pass, of which none is the agent's own."""
    watch = RoundWatch(bare_metal(root), (0, 1))
    watch.begin(OwnTime())
    begin_ns = time.monotonic_ns()
    while time.monotonic_ns() - begin_ns < 20_000_000:
        pass
    write(root, {"proc/stat": stat(busy=100 + busy, idle=100 + idle, steal=steal)})
    return watch.end(OwnTime())


def test_a_machine_that_nobody_else_uses_is_sound(tmp_path: Path) -> None:
    write(bare_metal(tmp_path), {"proc/stat": stat(busy=100, idle=100)})
    state = watched(tmp_path, busy=0, idle=4)

    assert unsound_reason(state) is None
    assert not state.is_throttled
    assert state.slept_ns < 10**6


def test_work_of_others_and_a_hypervisor_that_takes_processors_are_reasons(tmp_path: Path) -> None:
    state = watched(tmp_path, busy=4, idle=0)
    assert state.foreign_cores is not None
    assert state.foreign_cores > 0.05
    reason = unsound_reason(state)
    assert reason is not None
    assert "of a processor meanwhile" in reason.reason
    assert reason.remedy

    stolen = unsound_reason(watched(tmp_path, busy=0, idle=4, steal=50))
    assert stolen is not None
    assert "hypervisor" in stolen.reason


def test_where_nothing_can_be_read_nothing_is_claimed(tmp_path: Path) -> None:
    watch = RoundWatch(tmp_path, (0,))
    watch.begin(OwnTime())
    state = watch.end(OwnTime(), ("swap was used",))

    assert state.foreign_cores is None
    reason = unsound_reason(state)
    assert reason is not None
    assert reason.reason == "swap was used"
    with pytest.raises(ValueError, match="not begun"):
        watch.end(OwnTime())
