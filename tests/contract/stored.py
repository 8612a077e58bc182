"""Values and steps for tests of stores."""

from mltest.coordinator.store import Store, StoredAttempt
from mltest.shared.domain import (
    Candidate,
    DatasetInfo,
    FileRef,
    JobNote,
    JobSpec,
    Limits,
    ModelInfo,
    Outcome,
    Output,
    SampleBatch,
    SampleSeries,
    Task,
    VisitCandidate,
    VisitEnded,
    VisitEvent,
    VisitSpec,
)

SPEC = JobSpec(model=FileRef(name="forest.skops", sha256="a" * 64), data=(FileRef(name="digits.npz", sha256="b" * 64),))
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
DATASET = DatasetInfo(
    row_count=10, source_row_count=10, feature_count=64, dtype="float64", has_target=True, sha256="c" * 64
)
NATIVE = Candidate(
    candidate_id="native", label="scikit-learn", runtime="scikit-learn", format="skops", is_baseline=True
)
OTHER = Candidate(candidate_id="other", label="onnxruntime", runtime="onnxruntime", format="onnx")
OK = VisitEnded(outcome=Outcome.OK, measuring_ns=5)
LOST = VisitEnded(outcome=Outcome.FAILED, reason_code="AGENT_UNREACHABLE", reason="it is gone")
NEWS = JobNote(text="an attempt ended")


def add_job(store: Store, job_id: str = "job1") -> str:
    return store.jobs.add(job_id, SPEC)


def visit_spec(visit_id: str = "visit1", round_index: int = 0) -> VisitSpec:
    candidate = VisitCandidate(
        candidate_id="native",
        runtime="scikit-learn",
        format="skops",
        artifact_sha256="d" * 64,
        task=Task.CLASSIFICATION,
        output=Output.PROBABILITIES,
        feature_count=64,
        input_dtype="float64",
    )
    return VisitSpec(
        visit_id=visit_id,
        attempt=1,
        job_id="job1",
        round_index=round_index,
        seed=2**63 + 1,
        dataset_sha256="c" * 64,
        candidates=(candidate,),
        limits=Limits(load_timeout_ns=1, step_timeout_ns=1, visit_timeout_ns=1, memory_bytes=1),
    )


def series(
    *values: int,
    candidate_id: str = "native",
    metric: str = "latency_ns",
    batch_size: int = 1,
    slice_index: int = 0,
    started_monotonic_ns: int = 7,
    calls_per_value: int = 0,
    is_throttled: bool = False,
) -> SampleSeries:
    return SampleSeries(
        candidate_id=candidate_id,
        metric=metric,
        batch_size=batch_size,
        slice_index=slice_index,
        started_monotonic_ns=started_monotonic_ns,
        values=values,
        calls_per_value=calls_per_value,
        is_throttled=is_throttled,
    )


def samples(seq: int, *values: int, slice_index: int = 0) -> VisitEvent:
    return VisitEvent(seq=seq, event=SampleBatch(series=(series(*values, slice_index=slice_index),)))


def begin(store: Store) -> StoredAttempt:
    add_job(store)
    store.visits.plan("job1", [("agent1", visit_spec())])
    return store.visits.begin_attempt("visit1")


def end(store: Store, attempt: StoredAttempt, ended: VisitEnded, *, ends_visit: bool = True) -> None:
    store.visits.end_attempt(attempt, ended, ends_visit=ends_visit, job_id="job1", news=NEWS)
