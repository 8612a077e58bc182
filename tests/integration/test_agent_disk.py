"""An agent whose disk is full: it says so before the first byte, ends what it cannot keep, and goes on alone."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import pytest

from mltest.shared.domain import Outcome, VisitEnded, VisitSpec
from mltest.shared.status import ERROR_CODE_KEY
from mltest.v1 import agent_service_pb2 as pb
from tests.integration.agent_peer import DEADLINE_S, Peer, candidate, connected, long_visit, visit, write_files
from tests.processes import ProcessGroup

pytestmark = pytest.mark.promise(34)

COMMAND = "sudo .venv/bin/pytest tests/integration/test_agent_disk.py"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip(f"needs a small file system: run as root ({COMMAND})")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip(f"needs to mount a tmpfs, so no container: {COMMAND}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    return filler


async def code_of_start(peer: Peer, spec: VisitSpec) -> str:
    epoch = await peer.acquire()
    try:
        await peer.start(epoch, spec)
    except grpc.aio.AioRpcError as error:
        return str(dict(error.trailing_metadata() or ())[ERROR_CODE_KEY])
    return ""


@pytest.mark.promise(34)
async def test_a_full_disk_is_said_and_the_agent_goes_on_when_there_is_room(
    processes: ProcessGroup, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    files = write_files(tmp_path / "files")
    agent = processes.agent(small_disk / "agent", "--no-advertise", "--port", "0")
    async with connected(agent.address) as peer:
        spec = visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a"))
        endless = long_visit(spec)
        assert await code_of_start(peer, endless) == ""
        filler: Path | None = None
        async for event in peer.attach(endless):
            last = event.event
            if filler is None and any(one.metric == "latency_ns" for one in getattr(last, "series", ())):
                filler = fill(small_disk)
        assert filler is not None
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            large = tmp_path / "large"
            large.write_bytes(os.urandom(1_000_000))
            await peer.upload(large)
        parts = list((small_disk / "agent" / "blobs" / "parts").iterdir())
        busy = pb.DescribeAgentRequest(protocol_version=2)
        described = await peer.stub.DescribeAgent(busy, timeout=DEADLINE_S)
        filler.unlink()
        again = visit(spec.dataset_sha256, *spec.candidates)
        code = await code_of_start(peer, again)
        healed = (await peer.events(again))[-1].event

    assert isinstance(last, VisitEnded)
    assert (last.outcome, last.reason_code) == (Outcome.FAILED, "DISK_FULL")
    assert dict(refused.value.trailing_metadata() or ())[ERROR_CODE_KEY] == "DISK_FULL"
    assert sum(part.stat().st_size for part in parts) == 0, "not one byte was taken"
    assert described.use.visit_id == ""
    assert code == ""
    assert isinstance(healed, VisitEnded)
    assert healed.outcome is Outcome.OK


@pytest.mark.promise(34)
async def test_a_visit_whose_journal_has_no_room_is_not_begun(
    processes: ProcessGroup, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    files = write_files(tmp_path / "files")
    agent = processes.agent(small_disk / "agent", "--no-advertise", "--port", "0")
    async with connected(agent.address) as peer:
        spec = visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a"))
        epoch = await peer.acquire()
        filler = fill(small_disk)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await peer.start(epoch, spec)
        with pytest.raises(grpc.aio.AioRpcError) as no_lease:
            await peer.acquire("another life")
        filler.unlink()
        code = await code_of_start(peer, spec)
        last = (await peer.events(spec))[-1].event

    assert dict(refused.value.trailing_metadata() or ())[ERROR_CODE_KEY] == "DISK_FULL"
    assert dict(no_lease.value.trailing_metadata() or ())[ERROR_CODE_KEY] in ("DISK_FULL", "AGENT_BUSY")
    assert code == ""
    assert isinstance(last, VisitEnded)
    assert last.outcome is Outcome.OK
