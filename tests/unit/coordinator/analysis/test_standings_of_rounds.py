"""The table where rounds differ: few, decided by a rule, left out for some, or throttled."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from mltest.coordinator.analysis.standings import summarise
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.coordinator.planning.plan import TestChoice as Choice
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import (
    CallRemark,
    MachineClass,
    RemarkKind,
    Standing,
)
from mltest.shared.statistics.adaptive import StopReason
from tests.unit.coordinator.analysis.test_standings import (
    FAST,
    NATIVE,
    PLAN,
    SLOW,
    TWIN,
    evaluation,
    measured,
    places,
    row_of,
    summary,
)
from tests.unit.coordinator.evidence import MODEL, agent, candidate, evidence, series, timed


def only(found: SampleEvidence, rounds: Sequence[int]) -> SampleEvidence:
    return replace(found, rounds=tuple(found.rounds[index] for index in rounds))


def scaled(found: SampleEvidence, factors: Mapping[int, float]) -> SampleEvidence:
    """Return evidence in which everything of some rounds took longer."""
    rounds = tuple(
        replace(
            of_round,
            series=tuple(
                replace(one, values=tuple(round(value * factors.get(of_round.round_index, 1)) for value in one.values))
                for one in of_round.series
            ),
        )
        for of_round in found.rounds
    )
    return replace(found, rounds=rounds)


def test_two_rounds_are_enough_for_a_large_difference_and_three_for_many_candidates() -> None:
    others = [candidate(f"other-{index}") for index in range(5)]
    samples = [
        *measured(round_count=3),
        *(timed(one.candidate_id, "a", 1_000_000 * 4**at, seed=at, round_count=3) for at, one in enumerate(others)),
    ]

    assert [rank for rank, _ in places(summary(measured(round_count=2)))] == [1, 2, 3]
    standings = summary(samples, candidates=(NATIVE, FAST, SLOW, *others))
    assert [rank for rank, _ in places(standings)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_where_a_rule_chose_the_number_of_rounds_a_claim_has_to_be_surer() -> None:
    """Six rounds on one side have a probability of .031; by the t-test it is .045."""

    def constant(candidate_id: str, logs: Sequence[float]) -> SampleEvidence:
        rounds = [[series("latency_ns", [round(1e6 * math.exp(log))] * 9, batch_size=1)] for log in logs]
        return evidence(rounds, candidate_id=candidate_id)

    samples = [constant("native", [0] * 6), constant("twin", [0.01, 0.01, 0.01, 0.05, 0.06, 0.1])]

    assert places(summary(samples, candidates=(NATIVE, TWIN))) == [(1, "native"), (2, "twin")]
    assert places(summary(samples, candidates=(NATIVE, TWIN), has_stop_rule=True)) == [(1, "native"), (1, "twin")]


def test_the_reference_is_no_row_and_its_results_are_kept() -> None:
    reference = candidate("reference", is_reference=True)
    samples = [*measured(), timed("reference", "a", 50_000, seed=9)]
    results, standings = summarise(
        plan=PLAN,
        model=MODEL,
        candidates=(NATIVE, FAST, SLOW, reference),
        agents=[agent("a")],
        samples=samples,
        evaluations=[evaluation(found.candidate_id, found.agent_id) for found in samples],
        problems=[],
    )

    assert places(standings) == [(1, "fast"), (2, "native"), (3, "slow")]
    assert any(found.candidate_id == "reference" and found.metric == "latency_s" for found in results)


def test_candidates_of_another_job_are_rows_and_the_baseline_is_that_of_this_job() -> None:
    before = candidate("before", is_baseline=True, from_job_id="earlier")
    samples = [*measured(), timed("before", "a", 50_000, seed=9)]

    standings = summary(samples, candidates=(before, NATIVE, FAST, SLOW))

    assert [found for _, found in places(standings)] == ["fast", "before", "native", "slow"]
    assert row_of(standings, "before").speedup == pytest.approx(2, rel=0.05)


def test_who_was_measured_in_fewer_rounds_is_ordered_by_ratios_and_the_table_says_so() -> None:
    """The machine got three times slower when only the best were left."""
    late = dict.fromkeys(range(6, 12), 3.0)
    best = scaled(timed("fast", "a", 10_000, seed=2, round_count=12), late)
    native = scaled(timed("native", "a", 11_500, seed=1, round_count=12), late)
    early = only(timed("slow", "a", 14_000, seed=3, round_count=12), range(6))

    standings = summary([best, native, early])

    assert [found for _, found in places(standings)] == ["fast", "native", "slow"]
    assert standings.rows[2].rank == 3
    assert any("not by their absolute figures" in note for note in standings.notes)
    assert not any("not by their absolute figures" in note for note in summary(measured()).notes)


def test_candidates_of_different_blocks_are_told_apart_by_their_ratios_to_the_reference() -> None:
    """Even rounds were quiet and the other block's three times slower; absolute times alone would say the opposite."""
    reference = candidate("reference", is_reference=True)
    odd, even = range(1, 24, 2), range(0, 24, 2)
    slow_machine = dict.fromkeys(odd, 3.0)
    samples = [
        scaled(timed("reference", "a", 50_000, seed=9, round_count=24), slow_machine),
        only(timed("native", "a", 100_000, seed=1, round_count=24), even),
        only(scaled(timed("fast", "a", 60_000, seed=2, round_count=24), slow_machine), odd),
        only(scaled(timed("twin", "a", 60_000, seed=3, round_count=24), slow_machine), odd),
    ]

    standings = summary(samples, candidates=(NATIVE, FAST, TWIN, reference))

    assert {found for rank, found in places(standings) if rank == 1} == {"fast", "twin"}
    assert places(standings)[2] == (3, "native")


@pytest.mark.parametrize("metric", ["native_latency", "lean_latency", "conversion"])
def test_a_candidate_without_the_form_that_decides_is_unmeasured_with_the_reason(metric: str) -> None:
    remark = CallRemark(kind=RemarkKind.ABSENT, metric=f"{metric}_ns", text="no compiler on this agent: install gcc")
    without = replace(timed("native", "a", 100_000, seed=1), remarks=(remark,))
    form = {"native_latency": "native", "lean_latency": "lean", "conversion": "conversion"}[metric]
    choice = Choice(
        module="mltest.coordinator.tests.latency", class_name="Latency", params={"forms": [form], "batch_sizes": [1]}
    )
    plan = replace(PLAN, tests=(choice,), objective=Objective(metric=f"{metric}_s"))
    samples = [
        timed("fast", "a", 10_000, seed=2, metric=f"{metric}_ns"),
        timed("slow", "a", 20_000, seed=3, metric=f"{metric}_ns"),
        without,
    ]

    standings = summary(samples, plan=plan)

    assert places(standings) == [(1, "fast"), (2, "slow"), (None, "native")]
    assert row_of(standings, "native").standing is Standing.UNMEASURED
    assert row_of(standings, "native").reason.endswith("no compiler on this agent: install gcc")


def test_a_row_says_how_good_the_machine_was_how_many_rounds_it_had_and_what_to_know() -> None:
    remarks = (
        CallRemark(kind=RemarkKind.UNSTEADY, metric="latency_ns", batch_size=1),
        CallRemark(kind=RemarkKind.UNSTEADY, metric="latency_ns", batch_size=16),
        CallRemark(kind=RemarkKind.UNSTEADY, metric="latency_ns", batch_size=1),
        CallRemark(kind=RemarkKind.FEW_ROWS, text="100 distinct rows, better 512"),
    )
    samples = [replace(found, remarks=remarks) if found.candidate_id == "fast" else found for found in measured()]

    standings = summary(
        samples,
        plan=Plan(profile="quick"),
        machine_classes={"a": MachineClass.NOISY},
        has_stop_rule=True,
        stop_reasons={("fast", "a"): StopReason.MAX_ROUNDS, ("slow", "a"): StopReason.ELIMINATED},
    )

    fast = row_of(standings, "fast")
    assert fast.machine_class is MachineClass.NOISY
    assert fast.round_count == 6
    assert fast.remarks == (
        "imprecise: its ratios are not known as exactly as wanted after 6 rounds, as many as there may be",
        "latency at 1, 16 rows: still getting faster or slower when warming up ended",
        "100 distinct rows, better 512",
    )
    assert row_of(standings, "slow").remarks == (
        "not measured beyond round 6, since it is certainly slower than the best",
    )
    assert row_of(standings, "native").remarks == ()


@pytest.mark.parametrize(
    ("plan", "reason", "text"),
    [
        (Plan(), StopReason.PRECISE, "precise: its ratios are known to 2.5 % after 6 rounds"),
        (Plan(budget_s=5), None, "imprecise: the time budget was over after 6 rounds, before its ratios were"),
        (Plan(), None, "imprecise: the job was stopped after 6 rounds, before its ratios were"),
        (Plan(rounds=6), None, ""),
    ],
)
def test_each_row_says_why_it_was_not_measured_again(plan: Plan, reason: StopReason | None, text: str) -> None:
    stops = {("fast", "a"): reason} if reason else {}
    standings = summary(measured(), plan=plan, has_stop_rule=not plan.rounds, stop_reasons=stops)
    remarks = row_of(standings, "fast").remarks
    assert remarks[0].startswith(text) if text else not remarks
    assert row_of(standings, "native").remarks == ()


def test_calls_that_are_timed_together_are_remarked_once_although_their_time_varies_from_round_to_round() -> None:
    remarks = tuple(
        CallRemark(kind=RemarkKind.BATCHED, metric="latency_ns", batch_size=size, text=f"a call takes {time_us} us")
        for size, time_us in ((1, 0.9), (16, 1.1), (1, 0.8))
    )
    samples = [replace(found, remarks=remarks) if found.candidate_id == "fast" else found for found in measured()]
    assert row_of(summary(samples), "fast").remarks == ("latency at 1, 16 rows: a call takes 0.9 us",)


def test_the_class_of_the_machine_stands_at_every_absolute_figure_and_at_no_other() -> None:
    results, standings = summarise(
        plan=PLAN,
        model=MODEL,
        candidates=(NATIVE, FAST),
        agents=[agent("a")],
        samples=measured()[:2],
        evaluations=[evaluation("native"), evaluation("fast")],
        problems=(),
        machine_classes={"a": MachineClass.NOISY},
    )
    classes = {result.metric: result.machine_class for result in results}
    assert classes["latency_s"] is classes["throughput_rows_per_s"] is MachineClass.NOISY
    assert classes["accuracy"] is MachineClass.UNSPECIFIED
    assert {figure.machine_class for figure in row_of(standings, "fast").figures if figure.metric == "latency_s"} == {
        MachineClass.NOISY
    }


def test_throttled_slices_are_left_out_and_the_table_says_how_many() -> None:
    def throttled(found: SampleEvidence) -> SampleEvidence:
        first, *others = found.rounds
        marked = tuple(replace(one, is_throttled=one.slice_index in (3, 4)) for one in first.series)
        return replace(found, rounds=(replace(first, series=marked), *others))

    samples = [throttled(measured()[0]), *measured()[1:]]

    assert "2 slices were left out because the machine was throttled meanwhile." in summary(samples).notes
    assert not any("throttled" in note for note in summary(measured()).notes)


def test_what_memory_kept_apart_from_the_baseline_is_compared_through_the_reference_and_says_so() -> None:
    reference = replace(candidate("reference"), is_reference=True)
    every = timed("reference", "a", 50_000, seed=9, round_count=12)
    native = timed("native", "a", 100_000, seed=1, round_count=12)
    fast = timed("fast", "a", 10_000, seed=2, round_count=12)

    standings = summary(
        [every, only(native, range(6)), only(fast, range(6, 12))], candidates=(NATIVE, FAST, reference), plan=PLAN
    )

    row = row_of(standings, "fast")
    assert places(standings) == [(1, "fast"), (2, "native")]
    assert row.speedup == pytest.approx(10, rel=0.1)
    assert row.speedup_low is not None
    assert row.speedup_low < 10 * 1.1
    assert row.remarks[0].startswith("coarse: memory does not hold it beside the native baseline")
    assert not any(text.startswith("coarse") for text in row_of(standings, "native").remarks)
