"""`mltest.v1.CoordinatorService`: translates between messages and a `CoordinatorApi`; decides nothing itself."""

# ruff: noqa: D102, N802  # handlers are named and documented by the contract

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc.aio

from mltest.coordinator.engine import Coordinator
from mltest.shared.codec import from_proto, to_proto
from mltest.shared.domain import JobInfo, JobSpec
from mltest.shared.errors import RequestInvalidError
from mltest.shared.naming import clean_text
from mltest.shared.status import translated_errors
from mltest.v1 import comparison_pb2, job_pb2, visit_pb2
from mltest.v1 import coordinator_service_pb2 as pb
from mltest.v1.coordinator_service_pb2_grpc import CoordinatorServiceServicer

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["CoordinatorService"].full_name

_DEFAULT_LIMIT = 100
_MAX_LIMIT = 10_000
_MAX_KEY_CHARS = 200
_Context = grpc.aio.ServicerContext[Any, Any]


class CoordinatorService(CoordinatorServiceServicer):
    """The handlers."""

    def __init__(self, coordinator: Coordinator, on_job: Callable[[str], None]) -> None:
        self._coordinator = coordinator
        self._on_job = on_job
        """Called with each job that was started over the network."""

    async def SubmitJob(self, request: pb.SubmitJobRequest, context: _Context) -> pb.SubmitJobResponse:
        async with translated_errors(context):
            if len(request.request_key) > _MAX_KEY_CHARS:
                raise RequestInvalidError(detail=f"request_key has more than {_MAX_KEY_CHARS} characters")
            spec = from_proto(request.spec, JobSpec)
            job_id = await self._coordinator.submit(spec, request_key=request.request_key)
            self._on_job(job_id)
            return pb.SubmitJobResponse(job_id=job_id)
        raise AssertionError("unreachable")

    async def PreviewJob(self, request: pb.PreviewJobRequest, context: _Context) -> pb.PreviewJobResponse:
        async with translated_errors(context):
            found = await self._coordinator.preview(from_proto(request.spec, JobSpec))
            return pb.PreviewJobResponse(preview=to_proto(found, job_pb2.JobPreview))
        raise AssertionError("unreachable")

    async def WatchJob(self, request: pb.WatchJobRequest, context: _Context) -> AsyncIterator[pb.WatchJobResponse]:
        events = self._coordinator.watch(request.job_id, from_seq=request.from_seq)
        async with translated_errors(context), aclosing(events):
            async for event in events:
                yield pb.WatchJobResponse(event=to_proto(event, job_pb2.JobEvent))

    async def ListJobs(self, request: pb.ListJobsRequest, context: _Context) -> pb.ListJobsResponse:
        async with translated_errors(context):
            limit = min(request.limit or _DEFAULT_LIMIT, _MAX_LIMIT)
            return pb.ListJobsResponse(jobs=[_job(job) for job in await self._coordinator.jobs(limit=limit)])
        raise AssertionError("unreachable")

    async def GetJob(self, request: pb.GetJobRequest, context: _Context) -> pb.GetJobResponse:
        async with translated_errors(context):
            return pb.GetJobResponse(job=_job(await self._coordinator.job(request.job_id)))
        raise AssertionError("unreachable")

    async def CancelJob(self, request: pb.CancelJobRequest, context: _Context) -> pb.CancelJobResponse:
        async with translated_errors(context):
            job = await self._coordinator.cancel(request.job_id, finishes_visits=request.finishes_visits)
            return pb.CancelJobResponse(job=_job(job))
        raise AssertionError("unreachable")

    async def ResumeJob(self, request: pb.ResumeJobRequest, context: _Context) -> pb.ResumeJobResponse:
        async with translated_errors(context):
            job = await self._coordinator.resume(request.job_id)
            self._on_job(job.job_id)
            return pb.ResumeJobResponse(job=_job(job))
        raise AssertionError("unreachable")

    async def GetResults(self, request: pb.GetResultsRequest, context: _Context) -> pb.GetResultsResponse:
        async with translated_errors(context):
            return to_proto(await self._coordinator.results(request.job_id), pb.GetResultsResponse)
        raise AssertionError("unreachable")

    async def ListSamples(
        self, request: pb.ListSamplesRequest, context: _Context
    ) -> AsyncIterator[pb.ListSamplesResponse]:
        samples = self._coordinator.samples(request.job_id)
        async with translated_errors(context), aclosing(samples):
            async for found in samples:
                yield pb.ListSamplesResponse(
                    agent_id=found.agent_id,
                    round_index=found.round_index,
                    series=to_proto(found.series, visit_pb2.SampleSeries),
                )

    async def ListEnergy(
        self, request: pb.ListEnergyRequest, context: _Context
    ) -> AsyncIterator[pb.ListEnergyResponse]:
        energy = self._coordinator.energy(request.job_id)
        async with translated_errors(context), aclosing(energy):
            async for found in energy:
                yield pb.ListEnergyResponse(
                    agent_id=found.agent_id,
                    round_index=found.round_index,
                    recorded=to_proto(found.recorded, visit_pb2.EnergyRecorded),
                )

    async def CompareJobs(self, request: pb.CompareJobsRequest, context: _Context) -> pb.CompareJobsResponse:
        async with translated_errors(context):
            found = await self._coordinator.compare(request.job_a, request.job_b)
            return pb.CompareJobsResponse(comparison=to_proto(found, comparison_pb2.Comparison))
        raise AssertionError("unreachable")

    async def GetHistory(self, request: pb.GetHistoryRequest, context: _Context) -> pb.GetHistoryResponse:
        async with translated_errors(context):
            limit = min(request.limit or _DEFAULT_LIMIT, _MAX_LIMIT)
            found = await self._coordinator.history(request.job_id, figure=request.figure, limit=limit)
            return pb.GetHistoryResponse(history=to_proto(found, comparison_pb2.History))
        raise AssertionError("unreachable")

    async def RecomputeJob(self, request: pb.RecomputeJobRequest, context: _Context) -> pb.RecomputeJobResponse:
        async with translated_errors(context):
            found = await self._coordinator.recompute(request.job_id, keeps=request.keeps)
            return pb.RecomputeJobResponse(recomputation=to_proto(found, pb.Recomputation))
        raise AssertionError("unreachable")

    async def EvaluateJob(self, request: pb.EvaluateJobRequest, context: _Context) -> pb.EvaluateJobResponse:
        async with translated_errors(context):
            found = await self._coordinator.evaluate(
                request.job_id,
                test_names=tuple(request.test_names),
                plan_toml=request.plan_toml,
                again=request.again,
            )
            return pb.EvaluateJobResponse(evaluation=to_proto(found, pb.LaterEvaluation))
        raise AssertionError("unreachable")

    async def ListDisagreements(
        self, request: pb.ListDisagreementsRequest, context: _Context
    ) -> pb.ListDisagreementsResponse:
        async with translated_errors(context):
            found = await self._coordinator.disagreements(request.job_id, request.candidate)
            return pb.ListDisagreementsResponse(disagreements=to_proto(found, job_pb2.Disagreements))
        raise AssertionError("unreachable")

    async def ListAgents(self, request: pb.ListAgentsRequest, context: _Context) -> pb.ListAgentsResponse:
        async with translated_errors(context):
            found = await self._coordinator.agents(
                addresses=tuple(request.agent_addresses), uses_discovery=request.uses_discovery
            )
            return pb.ListAgentsResponse(agents=[to_proto(agent, pb.FleetAgent) for agent in found])
        raise AssertionError("unreachable")

    async def ForgetAgent(self, request: pb.ForgetAgentRequest, context: _Context) -> pb.ForgetAgentResponse:
        async with translated_errors(context):
            return pb.ForgetAgentResponse(device_ids=await self._coordinator.forget(clean_text(request.agent, 200)))
        raise AssertionError("unreachable")


def _job(job: JobInfo) -> job_pb2.JobInfo:
    return to_proto(job, job_pb2.JobInfo)
