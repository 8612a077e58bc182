"""How figures go from job to job, on machines whose truth is known."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from mltest.coordinator.analysis.history import history_of, sliced_entries, value_entries
from mltest.coordinator.analysis.measured import MeasuredJob
from mltest.coordinator.commands.confirmation import confirming_spec, last_good_job, regressions
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.shared.domain import Basis, Change, FileRef, History, HistorySeries
from tests.unit.coordinator.jobs_in_memory import (
    FAST,
    FAST_NS,
    NATIVE,
    NATIVE_NS,
    REFERENCE,
    REFERENCE_NS,
    measured_job,
    value_result,
)

USUAL = {"native": NATIVE_NS, "fast": FAST_NS, "reference": REFERENCE_NS}
SLOWER = USUAL | {"fast": 1.15 * FAST_NS}


def jobs_of(times: Sequence[Mapping[str, float]], **more: object) -> list[MeasuredJob]:
    """Return one job a day, each on a machine of another speed."""
    speeds = random.Random(3)
    return [
        measured_job(
            f"job{day}",
            call_ns,
            day=day,
            seed=day,
            machine=speeds.uniform(0.7, 1.5),
            round_count=5,
            **more,  # type: ignore[arg-type]
        )
        for day, call_ns in enumerate(times)
    ]


def history(jobs: Sequence[MeasuredJob], last_job_id: str = "") -> History:
    return history_of([entry for job in jobs for entry in sliced_entries(job)], last_job_id=last_job_id)


def series_of(found: History, label: str) -> HistorySeries:
    (one,) = [series for series in found.series if series.label == label]
    return one


def test_a_step_raises_an_alarm_at_the_second_job_although_the_machine_varies() -> None:
    found = history(jobs_of([USUAL] * 6 + [SLOWER] * 3))
    fast = series_of(found, FAST.label)

    assert [point.job_id for point in fast.points if point.is_alarm] == ["job7"]
    assert fast.basis is Basis.REFERENCE
    assert fast.points[7].change is Change.WORSE
    assert fast.points[7].change_ratio == pytest.approx(1.15, rel=0.06)
    assert fast.points[0].change_ratio is None
    assert fast.points[0].level == pytest.approx(0.5, rel=0.06)
    assert not any(point.is_alarm for point in series_of(found, NATIVE.label).points)


def test_the_order_in_which_jobs_are_read_does_not_matter() -> None:
    jobs = jobs_of([USUAL] * 4 + [SLOWER] * 2)

    forwards, backwards = history(jobs), history(jobs[::-1])

    for label in (FAST.label, NATIVE.label):
        assert series_of(forwards, label) == series_of(backwards, label)


def test_a_history_ends_with_the_job_that_is_asked_for() -> None:
    jobs = jobs_of([USUAL] * 5 + [SLOWER] * 3)

    assert len(series_of(history(jobs, "job5"), FAST.label).points) == 6
    assert regressions(history(jobs, "job5")) == ()
    assert [one.label for one in regressions(history(jobs, "job6"))] == [FAST.label]
    assert regressions(history(jobs, "job7")) == ()
    assert history(jobs, "elsewhere").series == ()


def test_what_became_faster_is_no_regression() -> None:
    found = history(jobs_of([SLOWER] * 5 + [USUAL] * 2))

    assert series_of(found, FAST.label).points[-1].change is Change.BETTER
    assert regressions(found) == ()


def test_another_environment_dataset_model_or_reference_begins_a_new_series() -> None:
    jobs = jobs_of([USUAL] * 5)
    jobs[1] = replace(jobs[1], environments={"lab": {"kernel": "6.2"}})
    assert jobs[2].job.dataset is not None
    jobs[2] = replace(jobs[2], job=replace(jobs[2].job, dataset=replace(jobs[2].job.dataset, sha256="d" * 64)))
    other_model = replace(jobs[3].job.spec, model=FileRef(name="boost.onnx", sha256="a" * 64))
    jobs[3] = replace(jobs[3], job=replace(jobs[3].job, spec=other_model))
    jobs[4] = replace(jobs[4], candidates=(NATIVE, FAST, replace(REFERENCE, artifact_sha256="e" * 64)))

    assert len([one for one in history(jobs).series if one.label == FAST.label]) == 5


def test_a_retrained_model_of_the_same_name_goes_on_in_its_series() -> None:
    jobs = jobs_of([USUAL] * 3)
    retrained = replace(jobs[2].job.spec, model=FileRef(name="forest.skops", sha256="1" * 64))
    jobs[2] = replace(jobs[2], job=replace(jobs[2].job, spec=retrained))

    assert len(series_of(history(jobs), FAST.label).points) == 3


def test_without_a_reference_times_are_divided_by_the_baseline() -> None:
    times = {"native": NATIVE_NS, "fast": FAST_NS}
    found = history(jobs_of([times] * 2, candidates=(NATIVE, FAST)))

    assert [(one.label, one.basis) for one in found.series] == [(FAST.label, Basis.BASELINE)]


def test_candidates_of_an_earlier_job_are_left_out() -> None:
    old = replace(FAST, candidate_id="a-fast", label="fast (a)", from_job_id="a")
    found = history([measured_job("b", {**USUAL, "a-fast": FAST_NS}, candidates=(NATIVE, FAST, old, REFERENCE))])

    assert {one.label for one in found.series} == {FAST.label, NATIVE.label}


def test_a_rate_that_fell_is_a_regression() -> None:
    def rated(call_ns: float) -> MeasuredJob:
        rate = value_result("fast", "throughput_rows_per_s", 1e9 / call_ns, statistic="mean", batch_size=1)
        return measured_job("", USUAL | {"fast": call_ns}, round_count=4, results=[rate])

    jobs = [
        replace(rated(call_ns), job=replace(rated(call_ns).job, job_id=f"job{day}", created_unix_ns=day + 1))
        for day, call_ns in enumerate([FAST_NS] * 4 + [1.3 * FAST_NS] * 2)
    ]
    found = history_of(
        entry for job in jobs for entry in sliced_entries(job) if entry.metric == "throughput_rows_per_s"
    )

    assert [one.points[-1].change for one in regressions(found)] == [Change.WORSE]


def test_values_are_followed_as_they_are() -> None:
    jobs = jobs_of([USUAL] * 6)
    sizes = [1000.0, 1000.0, 1001.0, 1000.0, 1200.0, 1200.0]
    found = history_of(
        entry
        for job, size in zip(jobs, sizes, strict=True)
        for entry in value_entries(
            job.job, job.candidates, [value_result("fast", "artifact_bytes", size)], {"lab": "l"}, job.environments
        )
    )

    (one,) = found.series
    assert (one.metric, one.basis, one.agent_name) == ("artifact_bytes", Basis.VALUE, "l")
    assert [point.level for point in one.points] == sizes
    assert [point.is_alarm for point in one.points] == [False] * 5 + [True]


def test_the_last_good_job_is_the_one_before_the_two_of_an_alarm() -> None:
    jobs = jobs_of([USUAL] * 5 + [SLOWER] * 2)

    assert last_good_job(regressions(history(jobs))) == "job4"
    assert last_good_job(history(jobs, "job3").series) == "job2"
    assert last_good_job(history(jobs, "job0").series) == ""


def test_old_against_new_asks_only_for_the_runtimes_in_question() -> None:
    jobs = jobs_of([USUAL] * 5 + [SLOWER] * 2)
    spec = replace(jobs[-1].job.spec, plan_toml="[job]\nrounds = 2\nseed = 7\n")
    asked = confirming_spec(spec, "job4", regressions(history(jobs)))
    plan = parse_plan(asked.plan_toml)

    assert asked.against_job_id == "job4"
    assert (plan.runtimes, plan.rounds, plan.seed) == (("fast",), 6, 7)
    assert replace(asked, against_job_id="", plan_toml=spec.plan_toml) == spec
