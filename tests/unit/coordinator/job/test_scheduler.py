"""Matching and planning, without any agent."""

from dataclasses import replace

from mltest.coordinator.job.blocks import blocks, is_apart
from mltest.coordinator.job.scheduler import (
    Subject,
    blobs_of,
    narrowed,
    plan_visits,
    without,
)
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import (
    AgentInfo,
    Candidate,
    DatasetInfo,
    HostInfo,
    LatencySpec,
    ModelInfo,
    Output,
    RuntimeInfo,
    Task,
)

GIB = 2**30
AGENT = AgentInfo(
    agent_id="a" * 32,
    name="lab-1",
    tags=("arm", "quiet"),
    protocol_version=1,
    min_protocol_version=1,
    software_version="1",
    host=HostInfo(architecture="aarch64", cpu_model="", logical_cores=4, memory_bytes=4 * GIB, os="", kernel=""),
    runtimes=(
        RuntimeInfo(name="scikit-learn", version="1", is_available=True, formats=("skops", "pickle")),
        RuntimeInfo(name="treelite", is_available=False, reason="treelite is not installed"),
    ),
)
NATIVE = Candidate(
    candidate_id="native",
    label="scikit-learn",
    runtime="scikit-learn",
    format="skops",
    is_baseline=True,
    artifact_sha256="1" * 64,
    artifact_bytes=1000,
    input_dtype="float64",
)
MODEL = ModelInfo(
    format="skops",
    family="forest",
    kind="",
    task=Task.CLASSIFICATION,
    output=Output.LABELS,
    feature_count=3,
    size_bytes=1,
)
DATASET = DatasetInfo(
    row_count=1, source_row_count=1, feature_count=3, dtype="float64", has_target=True, sha256="d" * 64
)
SUBJECT = Subject(
    job_id="job",
    plan=Plan(rounds=3, memory_bytes=7),
    model=MODEL,
    dataset=DATASET,
    latency=LatencySpec(batch_sizes=(1, 2), slice_count=3, slice_ns=1, warmup_ns=1),
)


def others(count: int, artifact_bytes: int = 1000) -> list[Candidate]:
    return [
        replace(
            NATIVE,
            candidate_id=f"other{number}",
            is_baseline=False,
            artifact_bytes=artifact_bytes,
            artifact_sha256=f"{number:064x}",
        )
        for number in range(count)
    ]


def test_candidates_that_fit_into_memory_together_are_one_block() -> None:
    candidates = [NATIVE, *others(3)]

    assert blocks(candidates, 4 * GIB) == (tuple(candidates),)


def test_a_baseline_alone_is_a_block() -> None:
    assert blocks([NATIVE], 4 * GIB) == ((NATIVE,),)


def test_the_baseline_is_in_every_block_and_every_candidate_in_one() -> None:
    candidates = [NATIVE, *others(5, artifact_bytes=100_000_000)]
    found = blocks(candidates, 4 * GIB)

    assert len(found) > 1
    assert all(block[0] is NATIVE for block in found)
    assert [candidate for block in found for candidate in block[1:]] == candidates[1:]


def test_a_candidate_too_large_for_the_machine_still_gets_its_block() -> None:
    found = blocks([NATIVE, *others(2, artifact_bytes=10 * GIB)], GIB)

    assert [len(block) for block in found] == [2, 2]


def test_a_block_is_never_larger_than_an_agent_takes() -> None:
    found = blocks([NATIVE, *others(130)], 0)

    assert [len(block) for block in found] == [64, 64, 5]


def test_every_block_is_visited_once_in_every_round_and_predictions_are_collected_once() -> None:
    candidates = [NATIVE, *others(130)]
    visits = plan_visits(SUBJECT, replace(AGENT, host=replace(AGENT.host, memory_bytes=0)), candidates, rounds=range(3))

    assert [visit.round_index for visit in visits] == list(range(9))
    assert [visit.collects_predictions for visit in visits] == [True] * 3 + [False] * 6
    assert len({visit.visit_id for visit in visits}) == len({visit.seed for visit in visits}) == 9
    assert visits[0].candidates == visits[3].candidates != visits[1].candidates


def test_the_same_job_gives_the_same_visits_and_another_agent_others() -> None:
    once, again = (plan_visits(SUBJECT, AGENT, [NATIVE], rounds=range(3)) for _ in range(2))
    elsewhere = plan_visits(SUBJECT, replace(AGENT, agent_id="b" * 32), [NATIVE], rounds=range(3))

    assert once == again
    assert not {visit.visit_id for visit in once} & {visit.visit_id for visit in elsewhere}


def test_limits_come_from_the_plan_and_memory_from_the_machine_where_the_plan_says_nothing() -> None:
    given = plan_visits(SUBJECT, AGENT, [NATIVE], rounds=range(3))[0].limits
    default = plan_visits(replace(SUBJECT, plan=Plan()), AGENT, [NATIVE], rounds=range(3))[0].limits

    assert (given.memory_bytes, given.load_timeout_ns) == (7, 120_000_000_000)
    assert default.memory_bytes == int(0.8 * 4 * GIB)


def test_candidates_that_failed_are_left_out_the_baseline_too() -> None:
    visit = plan_visits(SUBJECT, AGENT, [NATIVE, *others(2)], rounds=range(3))[0]

    assert [candidate.candidate_id for candidate in without(visit, {"native", "other1"})] == ["other0"]


def test_each_blob_is_named_once_the_dataset_first() -> None:
    visits = plan_visits(SUBJECT, AGENT, [NATIVE, *others(1)], rounds=range(3))

    assert blobs_of(visits) == ("d" * 64, "1" * 64, f"{0:064x}")


def reference() -> Candidate:
    return replace(NATIVE, candidate_id="reference", is_baseline=False, is_reference=True, artifact_sha256="2" * 64)


def test_the_reference_is_in_every_block_and_timed_with_one_batch_size() -> None:
    large = others(5, artifact_bytes=100_000_000)
    visits = plan_visits(SUBJECT, AGENT, [NATIVE, *large, reference()], rounds=range(1))

    found = [[one for one in visit.candidates if one.candidate_id == "reference"] for visit in visits]
    assert len(visits) > 1
    assert [[one.batch_sizes for one in block] for block in found] == [[(1,)]] * len(visits)


def test_what_does_not_fit_beside_the_baseline_is_measured_apart_with_the_reference() -> None:
    small, (large, larger) = others(1), others(3, artifact_bytes=300_000_000)[1:]
    found = blocks([NATIVE, *small, large, larger, reference()], 4 * GIB)

    assert [[one.candidate_id for one in block] for block in found] == [
        ["native", "reference", "other0"],
        ["native", "reference", "other1"],
        ["native", "reference", "other2"],
    ]
    tight = blocks([NATIVE, *small, large, larger, reference()], 3_800_000_000)
    assert [[one.candidate_id for one in block] for block in tight] == [
        ["native", "reference", "other0"],
        ["reference", "other1"],
        ["reference", "other2"],
    ]
    assert [is_apart(block, tight) for block in tight] == [False, True, True]
    assert not any(is_apart(block, found) for block in found)


def test_a_large_baseline_is_alone_with_the_reference() -> None:
    native = replace(NATIVE, artifact_bytes=300_000_000)
    found = blocks([native, *others(2), reference()], 3_800_000_000)

    assert [[one.candidate_id for one in block] for block in found] == [
        ["native", "reference"],
        ["reference", "other0", "other1"],
    ]
    assert all(is_apart(block, found) for block in found)


def test_a_wide_dataset_makes_blocks_smaller_since_each_worker_holds_it() -> None:
    wide = replace(DATASET, row_count=10_000, feature_count=5_000)
    candidates = [NATIVE, *others(3), reference()]

    assert len(blocks(candidates, 4 * GIB, DATASET)) == 1
    assert len(blocks(candidates, 6 * GIB, wide)) == 3


def test_a_narrowed_round_has_only_who_is_active() -> None:
    visits = plan_visits(SUBJECT, AGENT, [NATIVE, *others(3), reference()], rounds=[4])
    (narrow,) = narrowed(visits, {"native", "other1", "reference"})

    assert [one.candidate_id for one in narrow.candidates] == ["native", "reference", "other1"]
    assert (narrow.visit_id, narrow.seed) == (visits[0].visit_id, visits[0].seed)


def test_a_block_in_which_nobody_is_left_to_compare_is_not_visited() -> None:
    large = others(5, artifact_bytes=100_000_000)
    visits = plan_visits(SUBJECT, AGENT, [NATIVE, *large], rounds=[1])
    kept = narrowed(visits, {"native", "other4"})

    assert len(visits) > 1
    assert [[one.candidate_id for one in visit.candidates] for visit in kept] == [["native", "other4"]]


def test_calls_are_verified_and_requests_scheduled_in_the_first_round_only() -> None:
    visits = plan_visits(SUBJECT, AGENT, [NATIVE], rounds=range(3))

    assert [visit.verifies_calls for visit in visits] == [True, False, False]
