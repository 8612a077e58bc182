"""Bookkeeping of visits, on visits that are cancelled before they spawn anything."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.agent.lease.lease import Grant
from mltest.agent.outbox.outbox import MemoryOutbox
from mltest.agent.service import decode_event, encode_event
from mltest.agent.visit.visit_site import VisitSite
from mltest.agent.visit.visits import KEPT_LOGS, Visits
from mltest.shared.blobs.store import BlobStore
from mltest.shared.codec import from_proto
from mltest.shared.domain import Limits, Outcome, Output, Task, VisitCandidate, VisitEnded, VisitEvent, VisitSpec
from mltest.shared.errors import AgentBusyError, LeaseLostError, VisitInterruptedError, VisitUnknownError
from mltest.v1 import visit_pb2

GRANT = Grant(holder="a", purpose="", epoch=1, expires_ns=2**62)
REASON = VisitInterruptedError(detail="the test is over")


@pytest.fixture
def site(tmp_path: Path) -> VisitSite:
    (tmp_path / "work").mkdir()
    return VisitSite(
        agent_id="id",
        agent_name="lab-1",
        store=BlobStore(tmp_path / "blobs", 10**6),
        work_folder=tmp_path / "work",
        allows_pickle=False,
    )


@pytest.fixture
def spec(site: VisitSite, tmp_path: Path) -> VisitSpec:
    (tmp_path / "file").write_bytes(b"bytes")
    sha256 = site.store.add_file(tmp_path / "file").sha256
    candidate = VisitCandidate(
        candidate_id="a",
        runtime="onnxruntime",
        format="onnx",
        artifact_sha256=sha256,
        task=Task.REGRESSION,
        output=Output.VALUES,
        feature_count=1,
        input_dtype="float32",
    )
    limits = Limits(load_timeout_ns=10**9, step_timeout_ns=10**9, visit_timeout_ns=10**9, memory_bytes=0)
    return VisitSpec(
        visit_id="v",
        attempt=1,
        job_id="j",
        round_index=0,
        seed=0,
        dataset_sha256=sha256,
        candidates=(candidate,),
        limits=limits,
    )


def made_visits(on_change: Callable[[str], None] = lambda _: None) -> Visits:
    return Visits(encode=encode_event, decode=decode_event, outbox=MemoryOutbox(), on_change=on_change)


async def last_event(visits: Visits, spec: VisitSpec) -> VisitEnded:
    encoded = [event async for event in visits.log(spec.visit_id, spec.attempt).follow(0)][-1]
    last = from_proto(visit_pb2.VisitEvent.FromString(encoded), VisitEvent).event
    assert isinstance(last, VisitEnded)
    return last


async def test_a_visit_that_is_cancelled_before_it_does_anything_still_ends(site: VisitSite, spec: VisitSpec) -> None:
    running: list[str] = []
    visits = made_visits(running.append)
    await visits.start(spec, lambda: GRANT, site)
    await visits.cancel("v", 1, REASON)
    last = await last_event(visits, spec)
    assert (last.outcome, last.reason_code, last.reason) == (Outcome.CANCELLED, REASON.code, REASON.message)
    assert running == ["v", ""]


async def test_only_the_last_journals_are_kept(site: VisitSite, spec: VisitSpec) -> None:
    visits = made_visits()
    for attempt in range(1, KEPT_LOGS + 3):
        await visits.start(replace(spec, attempt=attempt), lambda: GRANT, site)
        await visits.cancel_running(REASON)
    with pytest.raises(VisitUnknownError):
        visits.log("v", 2)
    assert visits.log("v", KEPT_LOGS + 2).is_ended


async def test_a_start_under_a_newer_epoch_takes_the_place_of_what_runs(site: VisitSite, spec: VisitSpec) -> None:
    visits = made_visits()
    await visits.start(spec, lambda: GRANT, site)
    other = replace(spec, visit_id="other")
    with pytest.raises(AgentBusyError):
        await visits.start(other, lambda: GRANT, site)
    await visits.start(other, lambda: replace(GRANT, epoch=2), site)
    assert (await last_event(visits, spec)).outcome is Outcome.CANCELLED
    await visits.cancel_running(REASON)


async def test_nothing_starts_under_a_lease_that_was_lost_meanwhile(site: VisitSite, spec: VisitSpec) -> None:
    visits = made_visits()
    answers = iter([GRANT])

    def require() -> Grant:
        if (grant := next(answers, None)) is None:
            raise LeaseLostError(epoch=1)
        return grant

    with pytest.raises(LeaseLostError):
        await visits.start(spec, require, site)
    with pytest.raises(VisitUnknownError):
        visits.log("v", 1)
