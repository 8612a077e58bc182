"""A client of one agent, and what it sends."""

import hashlib
import os
import pickle
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
import numpy as np

from mltest.shared.blobs.client import download, upload
from mltest.shared.codec import from_proto, to_proto
from mltest.shared.domain import (
    AgentInfo,
    LatencySpec,
    Limits,
    Output,
    SampleBatch,
    SampleSeries,
    Task,
    VisitCandidate,
    VisitEvent,
    VisitSpec,
)
from mltest.shared.grpc_options import channel_options
from mltest.shared.protocol import PROTOCOL_VERSION
from mltest.shared.trust.local_door import local_door
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1 import visit_pb2
from mltest.v1.agent_service_pb2_grpc import AgentServiceStub

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mltest.v1.agent_service_pb2_grpc import AgentServiceAsyncStub

DEADLINE_S = 60.0
ROWS, FEATURES = 700, 4
LIMITS = Limits(
    load_timeout_ns=60 * 10**9, step_timeout_ns=60 * 10**9, visit_timeout_ns=120 * 10**9, memory_bytes=4 * 10**9
)
LATENCY = LatencySpec(batch_sizes=(1, 64), slice_count=3, slice_ns=2_000_000, warmup_ns=1_000_000)


@dataclass(frozen=True, slots=True)
class Peer:
    """One connection to one agent."""

    channel: grpc.aio.Channel

    @property
    def stub(self) -> "AgentServiceAsyncStub":
        return AgentServiceStub(self.channel)

    async def describe(self) -> AgentInfo:
        request = pb.DescribeAgentRequest(protocol_version=PROTOCOL_VERSION)
        return from_proto((await self.stub.DescribeAgent(request, timeout=DEADLINE_S)).agent, AgentInfo)

    async def acquire(self, holder: str = "coordinator", purpose: str = "a test") -> int:
        request = pb.AcquireLeaseRequest(holder=holder, purpose=purpose, protocol_version=PROTOCOL_VERSION)
        return (await self.stub.AcquireLease(request, timeout=DEADLINE_S)).epoch

    async def release(self, epoch: int) -> None:
        await self.stub.ReleaseLease(pb.ReleaseLeaseRequest(epoch=epoch), timeout=DEADLINE_S)

    async def watch(self) -> AsyncIterator[str]:
        """Yield who holds the agent."""
        async for state in self.stub.WatchAgent(pb.WatchAgentRequest(), timeout=DEADLINE_S):
            yield state.holder

    async def upload(self, path: Path) -> str:
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        await upload(self.channel, path, sha256=sha256, size_bytes=len(content))
        return sha256

    async def download(self, sha256: str, target: Path) -> None:
        await download(self.channel, sha256, target)

    async def start(self, epoch: int, spec: VisitSpec) -> None:
        request = pb.StartVisitRequest(epoch=epoch, visit=to_proto(spec, visit_pb2.VisitSpec))
        await self.stub.StartVisit(request, timeout=DEADLINE_S)

    async def cancel(self, epoch: int, spec: VisitSpec) -> None:
        request = pb.CancelVisitRequest(epoch=epoch, visit_id=spec.visit_id, attempt=spec.attempt)
        await self.stub.CancelVisit(request, timeout=DEADLINE_S)

    async def attach(self, spec: VisitSpec, from_seq: int = 0) -> AsyncIterator[VisitEvent]:
        request = pb.AttachVisitRequest(visit_id=spec.visit_id, attempt=spec.attempt, from_seq=from_seq)
        async for response in self.stub.AttachVisit(request, timeout=DEADLINE_S):
            yield from_proto(response.event, VisitEvent)

    async def events(self, spec: VisitSpec, from_seq: int = 0) -> list[VisitEvent]:
        return [event async for event in self.attach(spec, from_seq)]


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Peer]:
    async with local_door(address).channel(address, channel_options()) as channel:
        yield Peer(channel)


def series_of(events: Sequence[VisitEvent], metric: str) -> list[SampleSeries]:
    batches = [event.event for event in events if isinstance(event.event, SampleBatch)]
    return [series for batch in batches for series in batch.series if series.metric == metric]


@dataclass(frozen=True, slots=True)
class Files:
    """Real small files."""

    model: Path
    """Logistic regression, three classes, as ONNX: its runtime starts fast."""
    data: Path
    expected: "NDArray[np.float64]"
    """What scikit-learn says: (rows, classes)."""


def write_files(folder: Path) -> Files:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    rows = generator.normal(size=(ROWS, FEATURES))
    model = LogisticRegression().fit(rows, np.arange(ROWS) % 3)
    files = Files(folder / "model.onnx", folder / "data.npz", model.predict_proba(rows))
    graph = to_onnx(model, rows[:1].astype(np.float32), options={"zipmap": False})
    files.model.write_bytes(graph.SerializeToString())
    np.savez(files.data, X=rows)
    return files


def candidate(artifact_sha256: str, candidate_id: str) -> VisitCandidate:
    return VisitCandidate(
        candidate_id=candidate_id,
        runtime="onnxruntime",
        format="onnx",
        artifact_sha256=artifact_sha256,
        task=Task.CLASSIFICATION,
        output=Output.PROBABILITIES,
        feature_count=FEATURES,
        classes=("0", "1", "2"),
        input_dtype="float32",
    )


def pickled(artifact_sha256: str, candidate_id: str = "evil") -> VisitCandidate:
    return replace(candidate(artifact_sha256, candidate_id), runtime="scikit-learn", format="pickle")


def visit(dataset_sha256: str, *candidates: VisitCandidate, visit_id: str = "") -> VisitSpec:
    return VisitSpec(
        visit_id=visit_id or os.urandom(8).hex(),
        attempt=1,
        job_id="job",
        round_index=0,
        seed=1,
        dataset_sha256=dataset_sha256,
        candidates=candidates,
        latency=LATENCY,
        limits=LIMITS,
    )


def long_visit(spec: VisitSpec) -> VisitSpec:
    """Return `spec` with slices for minutes, in case nobody ends it."""
    return replace(spec, latency=replace(LATENCY, slice_count=100_000))


class _RunsOnLoad:
    """What a hostile pickle does: runs code as soon as it is opened."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (self._code,)


def write_pickle(path: Path, code: str) -> Path:
    path.write_bytes(pickle.dumps(_RunsOnLoad(code)))
    return path


class _MadeOnLoad:
    """What an estimator of a class of its own is pickled as: code that makes it, as `made`."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, (f"(lambda names: (exec({self._code!r}, names), names['made'])[1])({{}})",)


def write_estimator(path: Path, code: str) -> Path:
    """Write a pickle of a logistic regression over three classes whose class has `code` as its body."""
    body = "".join(f"    {line}\n" for line in code.strip().splitlines())
    program = (
        "import threading, time\n"
        "import numpy as np\n"
        "from sklearn.linear_model import LogisticRegression\n"
        f"class Model(LogisticRegression):\n{body}"
        f"rows = np.random.default_rng(0).normal(size=(60, {FEATURES}))\n"
        "made = Model().fit(rows, np.arange(60) % 3)\n"
    )
    path.write_bytes(pickle.dumps(_MadeOnLoad(program)))
    return path
