"""Two jobs side by side, on machines whose truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from mltest.coordinator.analysis.comparison import EARLIER_PREFIX, compare
from mltest.coordinator.analysis.measured import MeasuredJob
from mltest.shared.domain import (
    Basis,
    Candidate,
    Change,
    Comparison,
    Difference,
    EnvironmentChange,
    Standing,
)
from tests.unit.coordinator.evidence import agent
from tests.unit.coordinator.jobs_in_memory import (
    FAST,
    FAST_NS,
    NATIVE,
    NATIVE_NS,
    REFERENCE,
    REFERENCE_NS,
    measured_job,
    standing_row,
    value_result,
)

USUAL = {"native": NATIVE_NS, "fast": FAST_NS, "reference": REFERENCE_NS}
UNREFERENCED = {"native": NATIVE_NS, "fast": FAST_NS}


def latency(comparison: Comparison, label: str, batch_size: int = 1) -> Difference:
    (found,) = [
        one
        for one in comparison.differences
        if (one.label, one.metric, one.batch_size) == (label, "latency_s", batch_size)
    ]
    return found


def of_metric(comparison: Comparison, metric: str) -> Difference:
    (found,) = [one for one in comparison.differences if one.metric == metric and one.label == FAST.label]
    return found


def test_a_slower_candidate_is_found_through_the_reference_although_the_machine_became_faster() -> None:
    before = measured_job("a", USUAL, seed=1)
    after = measured_job("b", USUAL | {"fast": 1.2 * FAST_NS}, seed=2, machine=0.7)
    found = compare(before, after)
    fast, native = latency(found, FAST.label), latency(found, NATIVE.label)

    assert (fast.change, fast.basis) == (Change.WORSE, Basis.REFERENCE)
    assert fast.ratio_low is not None
    assert fast.ratio_high is not None
    assert fast.ratio_low < 1.2 < fast.ratio_high
    assert fast.ratio == pytest.approx(1.2, rel=0.04)
    assert native.change is Change.UNDECIDED
    assert native.after is not None
    assert native.before is not None
    assert native.after < 0.8 * native.before


def test_a_faster_candidate_is_marked_as_better() -> None:
    found = compare(measured_job("a", USUAL, seed=1), measured_job("b", USUAL | {"fast": 0.8 * FAST_NS}, seed=2))

    assert latency(found, FAST.label).change is Change.BETTER


def test_jobs_of_the_same_candidates_hardly_ever_differ() -> None:
    changes = [
        one.change
        for seed in range(20)
        for one in compare(
            measured_job("a", USUAL, seed=2 * seed, round_count=6),
            measured_job("b", USUAL, seed=2 * seed + 1, round_count=6, machine=1.3),
        ).differences
        if one.metric == "latency_s"
    ]

    assert changes == [Change.UNDECIDED] * 40


def test_every_batch_size_is_compared_through_the_one_of_the_reference() -> None:
    before = measured_job("a", USUAL, seed=1, batch_sizes=(1, 32))
    after = measured_job("b", USUAL | {"fast": 1.3 * FAST_NS}, seed=2, batch_sizes=(1, 32))
    found = compare(before, after)

    assert latency(found, FAST.label, 32).basis is Basis.REFERENCE
    assert latency(found, FAST.label, 1).change is Change.WORSE


def test_a_reference_with_other_bytes_is_none() -> None:
    other = replace(REFERENCE, artifact_sha256="e" * 64)
    changed = replace(NATIVE, artifact_sha256="1" * 64)
    before = measured_job("a", USUAL, seed=1)
    after = measured_job("b", USUAL, seed=2, candidates=(changed, FAST, other))
    fast = latency(compare(before, after), FAST.label)

    assert (fast.change, fast.ratio) == (Change.INCOMPARABLE, None)
    assert "not measured side by side" in fast.reason


def test_without_a_reference_an_unchanged_baseline_serves() -> None:
    before = measured_job("a", UNREFERENCED, seed=1, candidates=(NATIVE, FAST))
    after = measured_job("b", {"native": NATIVE_NS, "fast": 1.2 * FAST_NS}, seed=2, candidates=(NATIVE, FAST))
    found = compare(before, after)

    assert (latency(found, FAST.label).change, latency(found, FAST.label).basis) == (Change.WORSE, Basis.BASELINE)
    assert latency(found, NATIVE.label).change is Change.INCOMPARABLE
    assert "compared through" in latency(found, NATIVE.label).reason


@pytest.mark.parametrize(
    ("baseline", "environment"),
    [
        (replace(NATIVE, artifact_sha256="9" * 64), {"native": "1.0"}),
        (replace(NATIVE, options={"jobs": "2"}), {"native": "1.0"}),
        (NATIVE, {"native": "1.1"}),
    ],
    ids=["retrained", "other options", "other version"],
)
def test_a_changed_baseline_does_not_serve(baseline: Candidate, environment: Mapping[str, str]) -> None:
    before = measured_job("a", UNREFERENCED, candidates=(NATIVE, FAST), environment={"native": "1.0"})
    after = measured_job("b", UNREFERENCED, candidates=(baseline, FAST), environment=environment)

    assert latency(compare(before, after), FAST.label).change is Change.INCOMPARABLE


def against(earlier: MeasuredJob, call_ns: Mapping[str, float], old_ns: Mapping[str, float], seed: int) -> MeasuredJob:
    """Return a job in which the candidates of `earlier` were measured as well."""
    old = [
        replace(
            found,
            candidate_id=EARLIER_PREFIX + found.candidate_id,
            label=f"{found.label} (a)",
            from_job_id="a",
            is_baseline=False,
        )
        for found in earlier.candidates
        if not found.is_reference
    ]
    times = {**call_ns, **{EARLIER_PREFIX + name: time_ns for name, time_ns in old_ns.items()}}
    return measured_job("b", times, seed=seed, candidates=(NATIVE, FAST, *old, REFERENCE))


def test_old_against_new_is_compared_in_the_slices_of_the_new_job() -> None:
    earlier = measured_job("a", USUAL, seed=1, machine=3.0)
    old_ns = {"native": NATIVE_NS, "fast": FAST_NS}
    newer = against(earlier, USUAL | {"fast": 1.04 * FAST_NS}, old_ns, seed=2)
    found = compare(earlier, newer)
    fast = latency(found, FAST.label)

    assert found.is_paired
    assert (fast.change, fast.basis) == (Change.WORSE, Basis.PAIRED)
    assert fast.before == pytest.approx(FAST_NS / 1e9, rel=0.2)
    assert fast.ratio == pytest.approx(1.04, rel=0.02)
    assert latency(found, NATIVE.label).change is Change.UNDECIDED
    assert "same slices" in found.notes[0]
    assert {one.label for one in found.differences} == {FAST.label, NATIVE.label}


def test_new_against_old_is_the_same_seen_from_the_other_side() -> None:
    earlier = measured_job("a", USUAL, seed=1)
    newer = against(earlier, USUAL | {"fast": 1.1 * FAST_NS}, {"native": NATIVE_NS, "fast": FAST_NS}, seed=2)
    there, back = compare(earlier, newer), compare(newer, earlier)

    assert back.is_paired
    assert latency(back, FAST.label).change is Change.BETTER
    assert latency(back, FAST.label).ratio == pytest.approx(1 / (latency(there, FAST.label).ratio or 0))


def test_a_job_is_the_same_as_itself() -> None:
    job = measured_job("a", USUAL, results=[value_result("fast", "accuracy", 0.97)])
    found = compare(job, job)

    assert {one.change for one in found.differences} == {Change.SAME}
    assert found.environment == ()


def row_change(before: tuple[Standing, str], after: tuple[Standing, str]) -> list[tuple[Change, str]]:
    jobs = [
        measured_job(
            name,
            USUAL,
            rows=[standing_row(NATIVE, "lab", Standing.RANKED), standing_row(FAST, "lab", standing, reason)],
        )
        for name, (standing, reason) in (("a", before), ("b", after))
    ]
    return [(one.change, one.reason) for one in compare(*jobs).differences if not one.metric]


RANKED = (Standing.RANKED, "")


@pytest.mark.parametrize("standing", [Standing.GATED, Standing.FAILED, Standing.IMPOSSIBLE])
def test_a_candidate_that_is_not_ranked_any_more_is_broken(standing: Standing) -> None:
    assert row_change(RANKED, (standing, "because")) == [(Change.BROKEN, f"{standing.value}: because")]
    assert row_change((standing, "because"), RANKED) == [(Change.REPAIRED, f"was {standing.value}: because")]


def test_a_candidate_that_was_not_measured_cannot_be_compared() -> None:
    assert row_change(RANKED, (Standing.UNMEASURED, "stopped")) == [(Change.INCOMPARABLE, "unmeasured: stopped")]


def test_a_candidate_that_stands_where_it_stood_says_nothing() -> None:
    assert row_change(RANKED, RANKED) == []
    assert row_change((Standing.GATED, "a"), (Standing.GATED, "b")) == []


def test_the_times_of_a_gated_candidate_are_compared() -> None:
    gated = [standing_row(FAST, "lab", Standing.GATED, "labels differ")]
    found = compare(
        measured_job("a", USUAL, seed=1), measured_job("b", USUAL | {"fast": 1.3 * FAST_NS}, seed=2, rows=gated)
    )

    assert latency(found, FAST.label).change is Change.WORSE


def test_a_candidate_of_one_job_only_is_named_with_its_job() -> None:
    found = compare(measured_job("a", USUAL), measured_job("b", USUAL, candidates=(NATIVE, REFERENCE)))
    back = compare(measured_job("b", USUAL, candidates=(NATIVE, REFERENCE)), measured_job("a", USUAL))

    for comparison in (found, back):
        (alone,) = [one for one in comparison.differences if one.label == FAST.label]
        assert (alone.change, alone.reason) == (Change.INCOMPARABLE, "only in a")


def compared_values(metric: str, before: object, after: object, **more: object) -> Difference:
    jobs = [
        measured_job(name, USUAL, results=[value_result("fast", metric, value, **more)])  # type: ignore[arg-type]
        for name, value in (("a", before), ("b", after))
    ]
    return of_metric(compare(*jobs), metric)


@pytest.mark.parametrize(
    ("metric", "before", "after", "change"),
    [
        ("artifact_bytes", 1000.0, 1000.0, Change.SAME),
        ("artifact_bytes", 1000.0, 1001.0, Change.WORSE),
        ("artifact_bytes", 1000.0, 999.0, Change.BETTER),
        ("accuracy", 0.97, 0.94, Change.WORSE),
        ("accuracy", 0.94, 0.97, Change.BETTER),
        ("accuracy", 0.97, 0.96, Change.UNDECIDED),
        ("r2", 0.1, -0.1, Change.WORSE),
        ("accuracy", 0.0, 0.5, Change.BETTER),
        ("log_loss", 0.1 + 0.2, 0.3, Change.SAME),
    ],
)
def test_sizes_differ_if_they_differ_and_qualities_without_an_interval_beyond_two_percent(
    metric: str, before: float, after: float, change: Change
) -> None:
    assert compared_values(metric, before, after).change is change


def test_values_whose_intervals_overlap_cannot_be_told_apart() -> None:
    jobs = [
        measured_job(
            name, USUAL, results=[value_result("fast", "accuracy", value, low=value - 0.02, high=value + 0.02)]
        )
        for name, value in (("a", 0.97), ("b", 0.96), ("c", 0.9))
    ]

    assert of_metric(compare(jobs[0], jobs[1]), "accuracy").change is Change.UNDECIDED
    assert of_metric(compare(jobs[0], jobs[2]), "accuracy").change is Change.WORSE


def test_an_absolute_time_of_another_day_has_to_differ_by_much() -> None:
    jobs = [
        measured_job(
            name,
            USUAL,
            results=[
                value_result(
                    "fast", "latency_s", value, statistic="p99", batch_size=1, low=0.99 * value, high=1.01 * value
                )
            ],
        )
        for name, value in (("a", 1e-3), ("b", 1.2e-3), ("c", 1.3e-3))
    ]

    def tail(before: MeasuredJob, after: MeasuredJob) -> Change:
        (found,) = [one for one in compare(before, after).differences if one.statistic == "p99"]
        return found.change

    assert tail(jobs[0], jobs[1]) is Change.UNDECIDED
    assert tail(jobs[0], jobs[2]) is Change.WORSE
    assert tail(jobs[2], jobs[0]) is Change.BETTER


def test_memory_is_compared_by_processes() -> None:
    found = compared_values("memory_peak_bytes", 1e8, 1e8 + 1, statistic="median")

    assert (found.change, found.basis) == (Change.UNDECIDED, Basis.ROUNDS)
    assert found.ratio_low is not None


def test_a_figure_that_could_not_be_had_says_why() -> None:
    job = measured_job("a", USUAL, results=[value_result("fast", "accuracy", 0.9)])
    other = measured_job("b", USUAL, results=[value_result("fast", "accuracy", None, reason="no target")])
    found = of_metric(compare(job, other), "accuracy")

    assert (found.change, found.reason) == (Change.INCOMPARABLE, "not there now: no target")


def test_a_rate_that_fell_is_worse() -> None:
    rates = {"a": 1e5, "b": 8e4}
    jobs = [
        measured_job(
            name,
            USUAL | {"fast": 1e9 / rate},
            seed=seed,
            results=[value_result("fast", "throughput_rows_per_s", rate, statistic="mean", batch_size=1)],
        )
        for seed, (name, rate) in enumerate(rates.items())
    ]
    found = of_metric(compare(*jobs), "throughput_rows_per_s")

    assert found.change is Change.WORSE
    assert found.ratio == pytest.approx(0.8, rel=0.05)
    assert found.ratio_low is not None
    assert found.ratio_high is not None
    assert found.ratio_low < found.ratio_high


def test_what_changed_around_the_numbers_is_listed() -> None:
    before = measured_job("a", USUAL, environment={"kernel": "6.1", "governor": "performance", "numpy": "2"})
    after = measured_job("b", USUAL, environment={"kernel": "6.2", "governor": "performance", "scipy": "1"})

    assert compare(before, after).environment == tuple(
        EnvironmentChange(agent_id="lab", agent_name="lab-lab", name=name, before=old, after=new)
        for name, old, new in (("kernel", "6.1", "6.2"), ("numpy", "2", ""), ("scipy", "", "1"))
    )


def test_jobs_without_a_common_agent_say_so() -> None:
    found = compare(measured_job("a", USUAL), measured_job("b", USUAL, agent_id="other"))

    assert [one for one in found.differences if one.metric] == []
    assert found.notes == (
        "Only in a: agent lab-lab.",
        "Only in b: agent lab-other.",
        "No agent is in both jobs, so that no figure is compared.",
    )


def test_another_dataset_is_named() -> None:
    job = measured_job("a", USUAL)
    assert job.job.dataset is not None
    other = replace(job, job=replace(job.job, job_id="b", dataset=replace(job.job.dataset, sha256="d" * 64)))

    assert any("datasets differ" in note for note in compare(job, other).notes)


def test_agents_are_told_apart() -> None:
    here = measured_job("a", USUAL, seed=1)
    both: Sequence[MeasuredJob] = (
        measured_job("b", USUAL, seed=2),
        measured_job("b", USUAL | {"fast": 2 * FAST_NS}, seed=3, agent_id="other"),
    )
    joined = replace(
        both[0],
        measured=(*both[0].measured, *both[1].measured),
        results=(*both[0].results, *both[1].results),
        agents=(agent("lab"), agent("other")),
    )
    found = compare(here, joined)

    assert {one.agent_id for one in found.differences} == {"lab"}
    assert latency(found, FAST.label).change is Change.UNDECIDED
