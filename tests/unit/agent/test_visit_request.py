from dataclasses import replace

import pytest

from mltest.agent.visit.visit_notes import clipped_notes, fault_notes, few_rows_text, load_notes
from mltest.agent.visit.visit_request import blobs_of, checked_visit
from mltest.shared.domain import (
    EnergyCalls,
    EnergySpec,
    LatencySpec,
    Limits,
    OpenLoopSpec,
    Output,
    Task,
    VisitCandidate,
    VisitSpec,
)
from mltest.shared.errors import RequestInvalidError

CANDIDATE = VisitCandidate(
    candidate_id="a",
    runtime="onnxruntime",
    format="onnx",
    artifact_sha256="1" * 64,
    task=Task.REGRESSION,
    output=Output.VALUES,
    feature_count=4,
    input_dtype="float32",
)
LATENCY = LatencySpec(batch_sizes=(1, 16), slice_count=2, slice_ns=1, warmup_ns=0)
OPEN_LOOP = OpenLoopSpec(rates_per_s=(10.0, 50.5), duration_ns=10**9, batch_size=1)
LIMITS = Limits(load_timeout_ns=1, step_timeout_ns=1, visit_timeout_ns=1, memory_bytes=0)
VISIT = VisitSpec(
    visit_id="v",
    attempt=1,
    job_id="j",
    round_index=0,
    seed=0,
    dataset_sha256="2" * 64,
    candidates=(CANDIDATE, replace(CANDIDATE, candidate_id="b")),
    latency=LATENCY,
    limits=LIMITS,
)


def test_a_visit_that_can_be_run_is_accepted() -> None:
    assert checked_visit(VISIT) == VISIT
    assert checked_visit(replace(VISIT, latency=None)).latency is None
    every_form = ("latency_ns", "lean_latency_ns", "native_latency_ns", "conversion_ns")
    richer = replace(LATENCY, metrics=every_form, slice_values=200_000)
    fewer = (replace(CANDIDATE, batch_sizes=(16,)),)
    visit = replace(VISIT, candidates=fewer, latency=richer, open_loop=OPEN_LOOP, verifies_calls=True)
    assert checked_visit(visit) == visit


def test_its_blobs_are_dataset_and_artifacts() -> None:
    assert set(blobs_of(VISIT)) == {"1" * 64, "2" * 64}


@pytest.mark.parametrize(
    ("visit", "field"),
    [
        (replace(VISIT, visit_id=""), "visit_id"),
        (replace(VISIT, visit_id="x" * 1000), "visit_id"),
        (replace(VISIT, attempt=0), "attempt"),
        (replace(VISIT, dataset_sha256="../../etc/passwd"), "dataset_sha256"),
        (replace(VISIT, candidates=()), "candidates"),
        (replace(VISIT, candidates=(CANDIDATE, CANDIDATE)), "candidate_id"),
        (replace(VISIT, candidates=(replace(CANDIDATE, artifact_sha256=""),)), "artifact_sha256"),
        (replace(VISIT, candidates=(replace(CANDIDATE, threads=0),)), "threads"),
        (replace(VISIT, candidates=(replace(CANDIDATE, input_dtype="object"),)), "input_dtype"),
        (replace(VISIT, latency=replace(LATENCY, batch_sizes=())), "batch_sizes"),
        (replace(VISIT, latency=replace(LATENCY, batch_sizes=(1, 1))), "batch_sizes"),
        (replace(VISIT, latency=replace(LATENCY, slice_count=0)), "slice_count"),
        (replace(VISIT, latency=replace(LATENCY, slice_ns=0)), "slice_ns"),
        (replace(VISIT, latency=replace(LATENCY, slice_values=-1)), "slice_values"),
        (replace(VISIT, latency=replace(LATENCY, slice_values=200_001)), "slice_values"),
        (replace(VISIT, latency=replace(LATENCY, metrics=("load_ns",))), "metrics"),
        (replace(VISIT, latency=replace(LATENCY, metrics=("latency_ns", "latency_ns"))), "metrics"),
        (replace(VISIT, candidates=(replace(CANDIDATE, batch_sizes=(2,)),)), "batch_sizes"),
        (replace(VISIT, candidates=(replace(CANDIDATE, batch_sizes=(1, 1)),)), "batch_sizes"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, rates_per_s=())), "rates_per_s"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, rates_per_s=(1.0, 1.0))), "rates_per_s"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, rates_per_s=(0.0,))), "rates_per_s"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, rates_per_s=(float("nan"),))), "rates_per_s"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, rates_per_s=(2e6,))), "rates_per_s"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, rates_per_s=(300_000.0,))), "rates_per_s and duration_ns"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, duration_ns=0)), "duration_ns"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, duration_ns=10**13)), "duration_ns"),
        (replace(VISIT, open_loop=replace(OPEN_LOOP, batch_size=0)), "batch_size"),
        (replace(VISIT, limits=replace(LIMITS, visit_timeout_ns=0)), "visit_timeout_ns"),
    ],
)
def test_a_visit_that_cannot_be_run_is_refused_with_the_field(visit: VisitSpec, field: str) -> None:
    with pytest.raises(RequestInvalidError, match=field):
        checked_visit(visit)


def test_other_work_on_the_machine_is_remarked() -> None:
    assert load_notes([0.5, 2.0], cores=2) == ()
    assert load_notes([0.5, 2.1], cores=2) == ("other work ran on this machine: load average 2.1 on 2 cores",)


def test_few_distinct_rows_are_remarked_where_calls_were_timed() -> None:
    assert few_rows_text(0, 0, 0) == few_rows_text(512, 512, 512) == ""
    assert "only 511 distinct rows" in few_rows_text(10_000, 511, 511)
    assert "only 1 distinct rows" in few_rows_text(10_000, 1, 1)


def test_rows_that_are_mostly_copies_are_remarked() -> None:
    assert "as varied as 3 distinct rows" in few_rows_text(10_000, 600, 3)


def test_page_faults_in_each_call_are_remarked() -> None:
    assert fault_notes("a", 0, 0) == fault_notes("a", 99, 100) == ()
    assert fault_notes("a", 1_200, 100) == ("candidate a: 12 page faults in each call",)


def test_clipped_slices_are_remarked() -> None:
    assert clipped_notes(0) == ()
    assert "3 slices" in clipped_notes(3)[0]


ENERGY = EnergySpec(batch_sizes=(1, 8), max_window_ns=10**9, warmup_ns=0)


def test_energy_is_measured_in_visits_of_its_own() -> None:
    visit = replace(VISIT, latency=None, energy=ENERGY)
    assert checked_visit(visit) == visit
    for wrong in (replace(visit, latency=LATENCY), replace(visit, collects_predictions=True)):
        with pytest.raises(RequestInvalidError, match="visits of its own"):
            checked_visit(wrong)


@pytest.mark.parametrize(
    "energy",
    [
        replace(ENERGY, batch_sizes=()),
        replace(ENERGY, batch_sizes=(1, 1)),
        replace(ENERGY, target_ratio=float("nan")),
        replace(ENERGY, max_window_ns=0),
        replace(ENERGY, max_window_ns=2**63),
    ],
)
def test_energy_that_cannot_be_measured_is_refused(energy: EnergySpec) -> None:
    with pytest.raises(RequestInvalidError):
        checked_visit(replace(VISIT, latency=None, energy=energy))
    endless = replace(CANDIDATE, energy_calls=(EnergyCalls(batch_size=1, call_count=2**50),))
    with pytest.raises(RequestInvalidError):
        checked_visit(replace(VISIT, latency=None, energy=ENERGY, candidates=(endless,)))
