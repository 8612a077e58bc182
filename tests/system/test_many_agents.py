"""A coordinator that is restarted finds its whole fleet again, soon and without asking everybody at once."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path

import pytest

from mltest.coordinator.home import open_coordinator
from tests.processes import ProcessGroup

pytestmark = pytest.mark.promise(42)

BACK_S = 90.0
DEADLINE_S = 400.0
AGENTS_OF_A_PROCESS = 125
AT_ONCE = 64
"""Agents that are asked at the same time, at most."""


class LightAgents:
    """Agents of one process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.addresses: list[str] = self._heard()

    def calls_s(self) -> list[tuple[float, float]]:
        """Return when calls since the last time began and ended."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> list:  # type: ignore[type-arg]  # addresses, then times
        assert self._process.stdout is not None
        found = json.loads(self._process.stdout.readline())
        assert isinstance(found, list)
        return found


@contextmanager
def light_agents(count: int) -> Iterator[list[LightAgents]]:
    """Run so many agents, in few processes."""
    with ExitStack() as stack:
        processes = []
        for number in range(0, count, AGENTS_OF_A_PROCESS):
            size = min(AGENTS_OF_A_PROCESS, count - number)
            command = [sys.executable, "-m", "tests.faults.light_agents", f"p{number:04}-", str(size)]
            process = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            processes.append(process)
        yield [LightAgents(process) for process in processes]


def most_at_once(calls_s: Iterable[tuple[float, float]]) -> int:
    """Return how many calls were open at the same time at most."""
    steps = sorted(step for begin_s, end_s in calls_s for step in ((begin_s, 1), (end_s, -1)))
    return max(accumulate(change for _, change in steps))


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.long)])
async def test_a_restarted_coordinator_has_its_fleet_back_within_ninety_seconds(
    processes: ProcessGroup, tmp_path: Path, count: int
) -> None:
    clock = asyncio.get_running_loop().time
    with light_agents(count) as groups:
        addresses = [address for group in groups for address in group.addresses]
        async with asyncio.timeout(DEADLINE_S):
            first = processes.coordinator(tmp_path / "home", "--port", "0")
            api = await open_coordinator(tmp_path / "home", needs_to_run=False)
            for start in range(0, count, 250):
                await api.agents(addresses=addresses[start : start + 250], uses_discovery=False)
            await api.close()
            first.kill()
            for group in groups:
                group.calls_s()

            processes.coordinator(tmp_path / "home", "--port", "0")
            start_s = clock()
            api = await open_coordinator(tmp_path / "home", needs_to_run=False)
            found = await api.agents()
            took_s = clock() - start_s
            await api.close()
        calls_s = [call for group in groups for call in group.calls_s()]
    assert len([one for one in found if one.is_alive and not one.reason]) >= count
    assert took_s <= BACK_S
    assert len(calls_s) >= count
    assert most_at_once(calls_s) <= AT_ONCE
