"""A job over a line that is thin, slow, or loses packets is finished, and no agent is called lost."""

import asyncio
import hashlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc.aio
import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.shared.blobs.client import upload
from mltest.shared.blobs.service import add_blob_service
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import AgentUpdated, JobSpec, JobState, Outcome, VisitUpdated
from mltest.shared.grpc_options import channel_options
from mltest.shared.grpc_server import new_server
from tests.enrolling import enrol
from tests.faults.line import MBIT_PER_S, Line
from tests.faults.memory import MIB
from tests.faults.tcp_proxy import FaultProxy
from tests.integration.jobs import all_events, job_spec, of_kind
from tests.models import ModelFiles, forest_on_digits
from tests.processes import ProcessGroup
from tests.system.lan import Host, lan, needs_namespaces

pytestmark = pytest.mark.promise(50)

DEADLINE_S = 400.0
LOOPBACK = ("--port", "0", "--no-advertise")
THIN_AND_SLOW = Line(bytes_per_s=MBIT_PER_S, latency_s=0.25)
VERY_SLOW = Line(latency_s=0.5)
CRUMBS = Line(slice_bytes=7)
LOSES_ONE_IN_TWENTY = """
table inet lossy {
    chain incoming { type filter hook input priority 0; ip saddr 10.77.0.0/24 numgen random mod 100 < 5 drop; }
}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A model of a few trees with some hundred kilobytes of data: what counts here is the line."""
    return forest_on_digits(tmp_path_factory.mktemp("small"), trees=3, is_onnx=True)


async def assert_runs_well(api: CoordinatorApi, spec: JobSpec) -> None:
    """Run a job, and check that it never lost an agent or repeated a visit."""
    async with asyncio.timeout(DEADLINE_S):
        job_id = await api.submit(spec)
        events = await all_events(api, job_id)
        job = await api.job(job_id)
    assert job.state is JobState.DONE, job.reason
    ends = [(visit.attempt, visit.outcome) for visit in of_kind(events, VisitUpdated) if visit.outcome]
    assert ends
    assert set(ends) == {(1, Outcome.OK)}
    assert all(update.takes_part for update in of_kind(events, AgentUpdated))


@pytest.mark.parametrize(
    "line",
    [THIN_AND_SLOW, pytest.param(VERY_SLOW, marks=pytest.mark.long), pytest.param(CRUMBS, marks=pytest.mark.long)],
    ids=["1 Mbit/s with 500 ms there and back", "500 ms each way", "seven bytes at a time"],
)
async def test_a_job_over_a_thin_or_slow_line_is_finished_without_a_false_loss(
    api: CoordinatorApi, small: ModelFiles, processes: ProcessGroup, tmp_path: Path, line: Line
) -> None:
    agent = processes.agent(tmp_path / "agent", *LOOPBACK)
    async with FaultProxy(agent.address, line) as proxy:
        await assert_runs_well(api, await job_spec(api, small, proxy.address))


@pytest.fixture
def hosts() -> Iterator[dict[str, Host]]:
    with lan(["coordinator", "left"]) as made:
        for host in made.values():
            command = host.command("nft", "-f", "-")
            subprocess.run(command, input=LOSES_ONE_IN_TWENTY, check=True, capture_output=True, text=True)
        yield made


@pytest.fixture
async def distant(hosts: dict[str, Host], processes: ProcessGroup, tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    """A coordinator on a host of its own."""
    enrol(tmp_path / "left", tmp_path / "home")
    processes.coordinator(tmp_path / "home", "--port", "0", host=hosts["coordinator"].command())
    found = await open_coordinator(tmp_path / "home", needs_to_run=False)
    yield found
    await found.close()


@needs_namespaces
@pytest.mark.xdist_group("network")
async def test_a_job_over_a_line_that_loses_one_packet_in_twenty_is_finished_without_a_false_loss(
    distant: CoordinatorApi, hosts: dict[str, Host], small: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.agent(tmp_path / "left", "--name", "left", host=hosts["left"].command())
    address = f"{hosts['left'].address}:{agent.address.rpartition(':')[2]}"
    await assert_runs_well(distant, await job_spec(distant, small, address))


@pytest.mark.long
async def test_an_upload_over_a_thin_line_keeps_its_one_connection(tmp_path: Path) -> None:
    """What is under way must never make the answer to a ping late: at 1 Mbit/s this takes longer than two of them."""
    content = os.urandom(4 * MIB)
    sha256 = hashlib.sha256(content).hexdigest()
    file = tmp_path / "file"
    file.write_bytes(content)
    server = new_server()
    store = BlobStore(tmp_path / "blobs", 10 * len(content))
    add_blob_service(server, store)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with (
            asyncio.timeout(DEADLINE_S),
            FaultProxy(f"127.0.0.1:{port}", THIN_AND_SLOW) as proxy,
            grpc.aio.insecure_channel(proxy.address, options=channel_options()) as channel,
        ):
            await upload(channel, file, sha256=sha256, size_bytes=len(content))
            assert proxy.connection_count == 1
    finally:
        await server.stop(None)
    assert store.status(sha256).is_complete
