"""Jobs as comparisons see them, of a machine whose truth a test chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mltest.coordinator.analysis.measured import MeasuredBuilder, MeasuredJob
from mltest.coordinator.analysis.rounds import MEDIAN, Rounds
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import (
    Candidate,
    DatasetInfo,
    FileRef,
    JobInfo,
    JobSpec,
    JobState,
    Result,
    Standing,
    StandingRow,
    Standings,
)
from tests.unit.coordinator.evidence import MODEL, agent, candidate, timed

REFERENCE = replace(candidate("reference", is_reference=True), artifact_sha256="f" * 64)
NATIVE = candidate("native", is_baseline=True)
FAST = candidate("fast")
REFERENCE_NS = 20_000.0
NATIVE_NS = 100_000.0
FAST_NS = 10_000.0
DATASET = DatasetInfo(
    row_count=10, source_row_count=10, feature_count=64, dtype="float64", has_target=True, sha256="c" * 64
)


def job_info(job_id: str, *, day: int = 0, model_sha256: str = "a" * 64) -> JobInfo:
    return JobInfo(
        job_id=job_id,
        state=JobState.DONE,
        created_unix_ns=1_795_000_000_000_000_000 + day * 86_400_000_000_000,
        spec=JobSpec(
            model=FileRef(name="forest.skops", sha256=model_sha256),
            data=(FileRef(name="digits.npz", sha256="b" * 64),),
        ),
        model=MODEL,
        dataset=DATASET,
    )


def measured_job(
    job_id: str,
    call_ns: Mapping[str, float],
    *,
    day: int = 0,
    seed: int = 0,
    machine: float = 1.0,
    candidates: Sequence[Candidate] = (NATIVE, FAST, REFERENCE),
    batch_sizes: Sequence[int] = (1,),
    round_count: int = 10,
    results: Sequence[Result] = (),
    rows: Sequence[StandingRow] | None = None,
    environment: Mapping[str, str] | None = None,
    agent_id: str = "lab",
) -> MeasuredJob:
    """Return a job that measured these candidates on one agent.

    Args:
        job_id: its identity.
        call_ns: time of one row, by candidate, on a machine of usual speed.
        day: when it was submitted.
        seed: of the noise.
        machine: how many times slower than usual the machine was.
        candidates: all of them.
        batch_sizes: rows per call, of all but the reference.
        round_count: fresh processes.
        results: beside those of the latency.
        rows: of the table; None: every candidate is ranked.
        environment: what the agent said of itself.
        agent_id: the agent.

    """
    builder = MeasuredBuilder()
    found: list[Result] = []
    for candidate_id, time_ns in call_ns.items():
        sizes = (min(batch_sizes),) if candidate_id == REFERENCE.candidate_id else batch_sizes
        evidence = timed(
            candidate_id,
            agent_id,
            time_ns * machine,
            seed=seed,
            round_count=round_count,
            slice_count=12,
            calls=5,
            batch_sizes=sizes,
        )
        for samples in evidence.rounds:
            for series in samples.series:
                builder.add(agent_id, samples.round_index, replace(series, candidate_id=candidate_id))
        found += [_latency(evidence, batch_size) for batch_size in sizes]
    return MeasuredJob(
        job=job_info(job_id, day=day),
        candidates=tuple(candidates),
        results=(*found, *results),
        standings=Standings(rows=tuple(_rows(candidates, agent_id) if rows is None else rows)),
        measured=builder.measured(),
        agents=(agent(agent_id),),
        environments={agent_id: environment or {"kernel": "6.1"}},
    )


def standing_row(found: Candidate, agent_id: str, standing: Standing, reason: str = "") -> StandingRow:
    return StandingRow(
        candidate_id=found.candidate_id, label=found.label, agent_id=agent_id, standing=standing, reason=reason
    )


def value_result(candidate_id: str, metric: str, value: float | None, **more: object) -> Result:
    return Result(candidate_id=candidate_id, agent_id="lab", test="t", metric=metric, value=value, **more)  # type: ignore[arg-type]


def _rows(candidates: Sequence[Candidate], agent_id: str) -> list[StandingRow]:
    return [standing_row(found, agent_id, Standing.RANKED) for found in candidates if not found.is_reference]


def _latency(evidence: SampleEvidence, batch_size: int) -> Result:
    values = [
        [value / 1e9 for series in samples.series if series.batch_size == batch_size for value in series.values]
        for samples in evidence.rounds
    ]
    figure = Rounds(values).figure(MEDIAN)
    return Result(
        candidate_id=evidence.candidate_id,
        agent_id=evidence.agent_id,
        test="Latency",
        metric="latency_s",
        statistic="median",
        batch_size=batch_size,
        value=figure.value,
        count=figure.count,
    )
