"""A coordinator that serves, asked over gRPC: the same API as one in this process."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc.aio

from mltest.coordinator.api import StoredEnergy, StoredSeries
from mltest.shared.blobs import client as blob_client
from mltest.shared.codec import from_proto, to_proto
from mltest.shared.domain import (
    Comparison,
    Disagreements,
    EnergyRecorded,
    FileRef,
    FleetAgent,
    History,
    JobEvent,
    JobInfo,
    JobPreview,
    JobResults,
    JobSpec,
    LaterEvaluation,
    Recomputation,
    SampleSeries,
)
from mltest.shared.errors import CoordinatorUnreachableError, RequestInvalidError
from mltest.shared.grpc_options import MAX_LARGE_RESPONSE_BYTES, channel_options
from mltest.shared.status import error_from_rpc
from mltest.shared.trust.local_door import local_door
from mltest.v1 import coordinator_service_pb2 as pb
from mltest.v1 import job_pb2
from mltest.v1.coordinator_service_pb2_grpc import CoordinatorServiceStub

_CALL_TIMEOUT_S = 30.0
_AGENTS_TIMEOUT_S = 60.0
_ANALYSIS_TIMEOUT_S = 600.0
"""For reading every sample of a job, or of many."""
_EVALUATION_TIMEOUT_S = 4 * 3600.0
"""For tests that use a budget of time each."""
_RETURN_S = 10.0
"""How long a watch waits for a coordinator that is being restarted."""


class RemoteCoordinator:
    """A `CoordinatorApi` at an address: host:port, or unix:PATH."""

    def __init__(self, address: str) -> None:
        self._address = address
        options = channel_options(max_response_bytes=MAX_LARGE_RESPONSE_BYTES)
        self._channel = local_door(address).channel(address, options)
        self._stub = CoordinatorServiceStub(self._channel)

    async def is_ready(self, timeout_s: float) -> bool:
        """Return whether somebody takes a connection there within `timeout_s`."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def put_file(self, path: Path) -> FileRef:
        """Send the bytes of `path`, if they are not there yet."""
        try:
            sha256, size_bytes = await asyncio.to_thread(_digest, path)
        except OSError as error:
            raise RequestInvalidError(detail=f"{path} cannot be read: {error.strerror or error}") from error
        with self._translated():
            await blob_client.upload(self._channel, path, sha256=sha256, size_bytes=size_bytes)
        return FileRef(name=path.name, sha256=sha256)

    async def get_file(self, sha256: str, target: Path) -> None:
        """Fetch the bytes of a blob into `target`."""
        with self._translated():
            await blob_client.download(self._channel, sha256, target)

    async def submit(self, spec: JobSpec, *, request_key: str = "") -> str:
        """Start a job."""
        request = pb.SubmitJobRequest(spec=to_proto(spec, job_pb2.JobSpec), request_key=request_key)
        with self._translated():
            return (await self._stub.SubmitJob(request, timeout=_CALL_TIMEOUT_S)).job_id

    async def preview(self, spec: JobSpec) -> JobPreview:
        """Return what a job would do."""
        request = pb.PreviewJobRequest(spec=to_proto(spec, job_pb2.JobSpec))
        with self._translated():
            return from_proto((await self._stub.PreviewJob(request, timeout=_ANALYSIS_TIMEOUT_S)).preview, JobPreview)

    async def watch(self, job_id: str, *, from_seq: int = 1) -> AsyncGenerator[JobEvent]:
        """Yield the events of a job until it stands still; a coordinator that comes back is listened to again."""
        next_seq = max(from_seq, 1)
        while True:
            try:
                with self._translated():
                    async for response in self._stub.WatchJob(pb.WatchJobRequest(job_id=job_id, from_seq=next_seq)):
                        event = from_proto(response.event, JobEvent)
                        next_seq = event.seq + 1
                        yield event
                return
            except CoordinatorUnreachableError:
                if not await self.is_ready(_RETURN_S):
                    raise

    async def jobs(self, *, limit: int = 100) -> tuple[JobInfo, ...]:
        """Return the newest jobs."""
        with self._translated():
            response = await self._stub.ListJobs(pb.ListJobsRequest(limit=limit), timeout=_CALL_TIMEOUT_S)
        return tuple(from_proto(job, JobInfo) for job in response.jobs)

    async def job(self, job_id: str) -> JobInfo:
        """Return one job."""
        with self._translated():
            response = await self._stub.GetJob(pb.GetJobRequest(job_id=job_id), timeout=_CALL_TIMEOUT_S)
        return from_proto(response.job, JobInfo)

    async def cancel(self, job_id: str, *, finishes_visits: bool = False) -> JobInfo:
        """Stop a job."""
        request = pb.CancelJobRequest(job_id=job_id, finishes_visits=finishes_visits)
        with self._translated():
            return from_proto((await self._stub.CancelJob(request, timeout=_CALL_TIMEOUT_S)).job, JobInfo)

    async def resume(self, job_id: str) -> JobInfo:
        """Go on with a job."""
        with self._translated():
            response = await self._stub.ResumeJob(pb.ResumeJobRequest(job_id=job_id), timeout=_CALL_TIMEOUT_S)
        return from_proto(response.job, JobInfo)

    async def results(self, job_id: str) -> JobResults:
        """Return what is known of a job."""
        with self._translated():
            response = await self._stub.GetResults(pb.GetResultsRequest(job_id=job_id), timeout=_CALL_TIMEOUT_S)
        return from_proto(response, JobResults)

    async def samples(self, job_id: str) -> AsyncGenerator[StoredSeries]:
        """Yield the raw values of a job."""
        with self._translated():
            async for found in self._stub.ListSamples(pb.ListSamplesRequest(job_id=job_id)):
                series = from_proto(found.series, SampleSeries)
                yield StoredSeries(agent_id=found.agent_id, round_index=found.round_index, series=series)

    async def energy(self, job_id: str) -> AsyncGenerator[StoredEnergy]:
        """Yield the raw readings of meters of a job."""
        with self._translated():
            async for found in self._stub.ListEnergy(pb.ListEnergyRequest(job_id=job_id)):
                recorded = from_proto(found.recorded, EnergyRecorded)
                yield StoredEnergy(agent_id=found.agent_id, round_index=found.round_index, recorded=recorded)

    async def compare(self, job_a: str, job_b: str) -> Comparison:
        """Return what is different in `job_b`."""
        request = pb.CompareJobsRequest(job_a=job_a, job_b=job_b)
        with self._translated():
            response = await self._stub.CompareJobs(request, timeout=_ANALYSIS_TIMEOUT_S)
        return from_proto(response.comparison, Comparison)

    async def history(self, job_id: str = "", *, figure: str = "", limit: int = 100) -> History:
        """Return how a figure went from job to job."""
        request = pb.GetHistoryRequest(job_id=job_id, figure=figure, limit=limit)
        with self._translated():
            response = await self._stub.GetHistory(request, timeout=_ANALYSIS_TIMEOUT_S)
        return from_proto(response.history, History)

    async def recompute(self, job_id: str, *, keeps: bool) -> Recomputation:
        """Analyse again what a job measured."""
        request = pb.RecomputeJobRequest(job_id=job_id, keeps=keeps)
        with self._translated():
            response = await self._stub.RecomputeJob(request, timeout=_ANALYSIS_TIMEOUT_S)
        return from_proto(response.recomputation, Recomputation)

    async def evaluate(
        self, job_id: str, *, test_names: Sequence[str] = (), plan_toml: str = "", again: bool = False
    ) -> LaterEvaluation:
        """Make tests of a job that is over."""
        request = pb.EvaluateJobRequest(job_id=job_id, test_names=test_names, plan_toml=plan_toml, again=again)
        with self._translated():
            response = await self._stub.EvaluateJob(request, timeout=_EVALUATION_TIMEOUT_S)
        return from_proto(response.evaluation, LaterEvaluation)

    async def disagreements(self, job_id: str, candidate: str) -> Disagreements:
        """Return in which rows a candidate differs."""
        request = pb.ListDisagreementsRequest(job_id=job_id, candidate=candidate)
        with self._translated():
            response = await self._stub.ListDisagreements(request, timeout=_CALL_TIMEOUT_S)
        return from_proto(response.disagreements, Disagreements)

    async def agents(self, *, addresses: Sequence[str] = (), uses_discovery: bool = True) -> tuple[FleetAgent, ...]:
        """Return the fleet as the coordinator sees it."""
        request = pb.ListAgentsRequest(agent_addresses=addresses, uses_discovery=uses_discovery)
        with self._translated():
            response = await self._stub.ListAgents(request, timeout=_AGENTS_TIMEOUT_S)
        return tuple(from_proto(agent, FleetAgent) for agent in response.agents)

    async def forget(self, agent: str) -> tuple[str, ...]:
        """Enrol an agent no more."""
        with self._translated():
            response = await self._stub.ForgetAgent(pb.ForgetAgentRequest(agent=agent), timeout=_CALL_TIMEOUT_S)
        return tuple(response.device_ids)

    async def close(self) -> None:
        """Close the connection; jobs go on."""
        await self._channel.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            detail = (error.details() or error.code().name)[-200:]
            unreachable = CoordinatorUnreachableError(address=self._address, detail=detail)
            raise error_from_rpc(error, unreachable) from error


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        return sha256, stream.tell()
