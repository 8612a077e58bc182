"""The network between coordinator and agent goes away for a while: packets vanish, and nobody is told."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.enrolling import enrol
from tests.processes import ProcessGroup
from tests.promises.plugin import Count
from tests.system.chaos.exactness import attempt_count, faults_of, overlaps
from tests.system.chaos.following import followed
from tests.system.chaos.network import cut_off, needs_network
from tests.system.chaos.tiny_jobs import PLAN, expected, submit_tiny, tiny_files
from tests.system.lan import Host, lan

pytestmark = [*needs_network, pytest.mark.xdist_group("network")]

DEADLINE_S = 240.0
PORT = "50771"


@pytest.fixture
def hosts() -> Iterator[dict[str, Host]]:
    with lan(["coordinator", "left"]) as made:
        yield made


def start(hosts: dict[str, Host], processes: ProcessGroup, folder: Path) -> str:
    """Start both, enrolled with each other, and return the agent's address."""
    enrol(folder / "left", folder / "home")
    options = ("--name", "left", "--port", PORT, "--no-advertise")
    processes.agent(folder / "left", *options, host=hosts["left"].command())
    processes.coordinator(folder / "home", "--port", "0", host=hosts["coordinator"].command())
    return f"{hosts['left'].address}:{PORT}"


async def survive(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path, count: Count, *, partition_s: float
) -> int:
    """Cut the agent off in the middle of its first visit; return how many attempts the job took."""
    files, address = tiny_files(tmp_path / "files"), start(hosts, processes, tmp_path)
    home = tmp_path / "home"
    plan = PLAN.replace("agent_return_s = 120", f"agent_return_s = {partition_s + 60}")
    job_id = await submit_tiny(home, files, [address], plan)
    async with asyncio.timeout(DEADLINE_S + partition_s), followed(home, job_id) as progress:
        await progress.is_measuring.wait()
        with cut_off(hosts["left"]):
            assert not await progress.over_within(partition_s)
        await progress.is_over.wait()
    count("partition_count", 1)
    assert await faults_of(home, job_id, expected(1)) == []
    assert overlaps(home) == []
    return attempt_count(home)


@pytest.mark.promise(29)
async def test_a_visit_goes_on_over_six_seconds_without_a_network(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path, count: Count
) -> None:
    assert await survive(hosts, processes, tmp_path, count, partition_s=6) == expected(1).round_count


@pytest.mark.long
@pytest.mark.promise(29)
@pytest.mark.parametrize("partition_s", [60, 150])
async def test_a_job_is_exact_after_a_partition_that_outlives_the_lease(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path, count: Count, partition_s: int
) -> None:
    await survive(hosts, processes, tmp_path, count, partition_s=partition_s)


@pytest.mark.long
@pytest.mark.promise(29)
@pytest.mark.skipif(
    not os.environ.get("MLTEST_CHAOS_HOUR"), reason="takes an hour: MLTEST_CHAOS_HOUR=1 make chaos ROWS=29"
)
async def test_a_job_is_exact_after_an_hour_without_a_network(
    hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path, count: Count
) -> None:
    await survive(hosts, processes, tmp_path, count, partition_s=3600)
