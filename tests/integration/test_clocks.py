"""Boards without a battery start in 1970, and some are far ahead: neither keeps them out."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mltest.agent.joining import join
from mltest.coordinator.fleet.agent_doors import AgentDoors
from mltest.coordinator.trust import invite
from mltest.shared.trust.local_peers import FOLDER_VARIABLE, LocalPeers
from mltest.shared.trust.peers import AGENT, Peers
from tests.processes import ProcessGroup

pytestmark = [
    pytest.mark.xdist_group("trust"),
    pytest.mark.promise(6),
    pytest.mark.skipif(
        shutil.which("faketime") is None, reason="faketime is missing; apt-get install faketime makes it run"
    ),
]

QUIET = ("--port", "0", "--no-advertise")
DATES = ("1970-01-02 00:00:00", "2000-01-01 00:00:00", "2026-11-24 00:00:00", "2050-06-01 00:00:00")


def at(date: str) -> list[str]:
    """Return a prefix that lets a program begin at `date`; unlike faketime(1) it becomes that program."""
    shown = subprocess.run(["faketime", date, "printenv", "LD_PRELOAD"], check=True, capture_output=True, text=True)
    return ["env", f"LD_PRELOAD={shown.stdout.strip()}", f"FAKETIME=@{date}"]


@pytest.mark.parametrize("date", DATES)
async def test_a_board_is_enrolled_whatever_its_clock_says(
    date: str, processes: ProcessGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent makes its key, checks our certificate, and pins us, all at that date; we are at today's."""
    monkeypatch.setenv("DONT_FAKE_MONOTONIC", "1")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "user-of-the-board"))
    board = processes.agent(tmp_path / "board", *QUIET, host=at(date))
    home = tmp_path / "home"
    home.mkdir()
    doors = AgentDoors(home, local=LocalPeers(home / "local-peers"))
    join(tmp_path / "board", invite(home, uses=1, ttl_s=600.0))
    client = await doors.reach(board.address)
    key = await client.current_key()
    await client.close()
    (pin,) = Peers(home).of_role(AGENT)
    assert (pin.certificate_der, pin.device_id) == (key, board.listening["agent_id"])
