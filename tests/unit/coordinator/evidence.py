"""Evidence as agents would send it, with times that a test chooses."""

import random
from collections.abc import Mapping, Sequence

from mltest.coordinator.tests.role import RoundSamples, SampleEvidence
from mltest.shared.domain import (
    AgentInfo,
    CallRemark,
    Candidate,
    HostInfo,
    ModelInfo,
    Output,
    Result,
    SampleSeries,
    Task,
)

MODEL = ModelInfo(
    format="skops",
    family="forest",
    kind="RandomForestClassifier",
    task=Task.CLASSIFICATION,
    output=Output.PROBABILITIES,
    feature_count=64,
    classes=("0", "1"),
    size_bytes=1000,
)


def series(
    metric: str,
    values: Sequence[int],
    *,
    batch_size: int = 0,
    slice_index: int = 0,
    calls_per_value: int = 0,
    is_throttled: bool = False,
) -> SampleSeries:
    return SampleSeries(
        candidate_id="c",
        metric=metric,
        batch_size=batch_size,
        slice_index=slice_index,
        started_monotonic_ns=0,
        values=tuple(values),
        calls_per_value=calls_per_value,
        is_throttled=is_throttled,
    )


def evidence(
    rounds: Sequence[Sequence[SampleSeries]],
    *,
    candidate_id: str = "c",
    agent_id: str = "a",
    size_bytes: int = 1000,
    remarks: Sequence[CallRemark] = (),
) -> SampleEvidence:
    return SampleEvidence(
        candidate_id=candidate_id,
        agent_id=agent_id,
        artifact_bytes=size_bytes,
        model=MODEL,
        rounds=tuple(RoundSamples(round_index=index, series=tuple(found)) for index, found in enumerate(rounds)),
        remarks=tuple(remarks),
    )


def timed(
    candidate_id: str,
    agent_id: str,
    call_ns: float,
    *,
    seed: int,
    round_count: int = 6,
    slice_count: int = 24,
    calls: int = 40,
    batch_sizes: Sequence[int] = (1,),
    size_bytes: int = 1000,
    metric: str = "latency_ns",
) -> SampleEvidence:
    """Return samples of a noisy machine: what disturbs a slice is common to all candidates, the rest is their own."""
    own = random.Random(f"{candidate_id}/{agent_id}/{seed}")
    rounds = []
    for round_index in range(round_count):
        process_factor = own.lognormvariate(0, 0.01)
        found = [series("memory_peak_bytes", [round(1e8 * own.uniform(0.99, 1.01))])]
        for batch_size in batch_sizes:
            for slice_index in range(slice_count):
                common = random.Random(f"{agent_id}/{round_index}/{batch_size}/{slice_index}").lognormvariate(0, 0.25)
                scale = call_ns * batch_size * common * process_factor
                values = [round(scale * own.lognormvariate(0, 0.05)) for _ in range(calls)]
                found.append(series(metric, values, batch_size=batch_size, slice_index=slice_index))
        rounds.append(found)
    return evidence(rounds, candidate_id=candidate_id, agent_id=agent_id, size_bytes=size_bytes)


def candidate(
    candidate_id: str,
    *,
    is_baseline: bool = False,
    is_reference: bool = False,
    from_job_id: str = "",
    reason: str = "",
) -> Candidate:
    return Candidate(
        candidate_id=candidate_id,
        label=f"label of {candidate_id}",
        runtime=candidate_id,
        format="x",
        is_baseline=is_baseline,
        is_reference=is_reference,
        from_job_id=from_job_id,
        artifact_sha256="" if reason else "0" * 64,
        reason=reason,
        reason_code="CONVERSION_FAILED" if reason else "",
    )


def agent(agent_id: str, *, name: str = "") -> AgentInfo:
    host = HostInfo(
        architecture="x86_64", cpu_model="EPYC", logical_cores=2, memory_bytes=8_000_000_000, os="Debian 12", kernel="6"
    )
    return AgentInfo(
        agent_id=agent_id,
        name=name or f"lab-{agent_id}",
        protocol_version=1,
        min_protocol_version=1,
        software_version="1",
        host=host,
    )


def by_name(results: Sequence[Result]) -> Mapping[tuple[str, str, int], Result]:
    """Return results by metric, statistic and batch size."""
    return {(found.metric, found.statistic, found.batch_size): found for found in results}
