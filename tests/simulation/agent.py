"""The real lease, visits, outbox and service of an agent, on a clock of the test's, in a process that can die."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import grpc

from mltest.agent.lease.epochs import EpochFile
from mltest.agent.lease.lease import Lease
from mltest.agent.lease.lease_keeper import LeaseKeeper
from mltest.agent.outbox.outbox import DiskOutbox
from mltest.agent.service import AgentParts, AgentService, AgentState, decode_event, encode_event
from mltest.agent.visit.visit_site import VisitSite
from mltest.agent.visit.visits import Visits
from mltest.agent.watched import Watched
from mltest.shared.blobs.store import BlobStore
from mltest.shared.codec import from_proto
from mltest.shared.domain import VisitEvent
from mltest.v1 import agent_service_pb2 as pb
from tests.simulation.runner import Witness

LEASE_NS = 60 * 10**9


class RefusedError(Exception):
    """The agent refused a call; `code` is that of its error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Context:
    """As much of a gRPC context as the service uses."""

    async def abort(self, status: grpc.StatusCode, message: str, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        raise RefusedError(dict(metadata).get("mltest-error-code", f"{status}: {message}"))


class SimulatedAgent:
    """Lives below `folder`; each life has a folder of its own, a copy of what the one before left on the disk."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop, witness: Witness, now_s: Callable[[], float]):
        self._folder, self._loop, self._witness, self._now_s = folder, loop, witness, now_s
        self._life = 0
        self._disk.mkdir(parents=True)
        (folder / "work").mkdir()
        self._blobs = BlobStore(folder / "blobs", 10**6)
        (folder / "file").write_bytes(b"bytes")
        self.sha256 = self._blobs.add_file(folder / "file").sha256
        self._boot()

    def call(self, method: str, request: Any) -> Any:
        """Return what the service answers; `RefusedError` if it refuses."""
        return self._run(getattr(self._service, method)(request, _Context()))

    def events(self, visit_id: str, attempt: int, from_seq: int, limit: int) -> list[VisitEvent]:
        """Attach, and return the events that are there already, at most `limit`."""
        request = pb.AttachVisitRequest(visit_id=visit_id, attempt=attempt, from_seq=from_seq)
        found: list[VisitEvent] = self._run(self._some_events(request, limit))
        return found

    def accepts(self, epoch: int) -> bool:
        """Return whether somebody could start a visit with this epoch now."""
        try:
            self._keeper.require(epoch)
        except Exception:
            return False
        return True

    def settle(self) -> None:
        """Let everything happen that waits for nothing."""
        self._run(asyncio.sleep(0))

    def crash(self) -> None:
        """Die, workers and all, and start again; what was written to files is there."""
        before = self._disk
        self._life += 1
        shutil.copytree(before, self._disk)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self.settle()
        self._witness.running.clear()
        self._boot()

    @property
    def _disk(self) -> Path:
        return self._folder / f"life{self._life}"

    def _boot(self) -> None:
        epochs = EpochFile(self._disk / "epoch")
        epochs.next()
        outbox = DiskOutbox(self._disk / "outbox", clock=self._now_s)
        visits = Visits(encode=encode_event, decode=decode_event, outbox=outbox, on_change=lambda _: None)
        lease = Lease(agent="lab-1", next_epoch=epochs.next, ttl_ns=LEASE_NS)
        self._keeper = LeaseKeeper(lease, visits, on_change=lambda _: None)
        self._service = AgentService(
            AgentParts(
                describe=_nobody,
                site=self._site,
                keeper=self._keeper,
                visits=visits,
                state=Watched(AgentState()),
                check_speed=_nobody,
            )
        )

    async def _site(self) -> VisitSite:
        work = self._folder / "work"
        return VisitSite(
            agent_id="agent1", agent_name="lab-1", store=self._blobs, work_folder=work, allows_pickle=False
        )

    async def _some_events(self, request: pb.AttachVisitRequest, limit: int) -> list[VisitEvent]:
        found: list[VisitEvent] = []
        stream = self._service.AttachVisit(request, _Context())  # type: ignore[arg-type]  # as much as is used
        try:
            async with asyncio.timeout(0):
                async for response in stream:
                    found.append(from_proto(response.event, VisitEvent))
                    if len(found) >= limit:
                        break
        except TimeoutError:
            pass
        finally:
            await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
        return found

    def _run(self, coroutine: Any) -> Any:
        async def and_what_follows() -> Any:
            try:
                return await coroutine
            finally:
                for _ in range(5):
                    await asyncio.sleep(0)

        return self._loop.run_until_complete(and_what_follows())


async def _nobody() -> NoReturn:
    raise AssertionError("nobody asks who it is")
