"""From samples and evaluations to the table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pytest

from mltest.coordinator.analysis.standings import Problem, summarise
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.planning.plan import Bound, Objective, Plan
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import (
    Candidate,
    DatasetInfo,
    MachineClass,
    Result,
    Standing,
    StandingRow,
    Standings,
)
from mltest.shared.statistics.adaptive import StopReason
from tests.unit.coordinator.evidence import MODEL, agent, candidate, timed

NATIVE = candidate("native", is_baseline=True)
FAST, TWIN, SLOW = candidate("fast"), candidate("twin"), candidate("slow")
PLAN = Plan(rounds=6)


def summary(
    samples: Sequence[SampleEvidence],
    *,
    candidates: Sequence[Candidate] = (NATIVE, FAST, SLOW),
    plan: Plan = PLAN,
    evaluations: Sequence[Evaluation] | None = None,
    problems: Sequence[Problem] = (),
    agent_ids: Sequence[str] = ("a",),
    dataset: DatasetInfo | None = None,
    machine_classes: Mapping[str, MachineClass] = MappingProxyType({}),
    has_stop_rule: bool = False,
    stop_reasons: Mapping[tuple[str, str], StopReason] = MappingProxyType({}),
) -> Standings:
    if evaluations is None:
        evaluations = [evaluation(found.candidate_id, found.agent_id) for found in samples]
    _, standings = summarise(
        plan=plan,
        model=MODEL,
        candidates=candidates,
        agents=[agent(agent_id) for agent_id in agent_ids],
        samples=samples,
        evaluations=evaluations,
        problems=problems,
        dataset=dataset,
        machine_classes=machine_classes,
        has_stop_rule=has_stop_rule,
        stops=lambda _: stop_reasons,
    )
    return standings


def evaluation(candidate_id: str, agent_id: str = "a", *, accuracy: float = 0.9, gate_reason: str = "") -> Evaluation:
    result = Result(candidate_id=candidate_id, agent_id=agent_id, test="quality", metric="accuracy", value=accuracy)
    return Evaluation(candidate_id=candidate_id, agent_id=agent_id, results=(result,), gate_reason=gate_reason)


def places(standings: Standings) -> list[tuple[int | None, str]]:
    return [(row.rank, row.candidate_id) for row in standings.rows]


def row_of(standings: Standings, candidate_id: str, agent_id: str = "a") -> StandingRow:
    return next(row for row in standings.rows if (row.candidate_id, row.agent_id) == (candidate_id, agent_id))


def measured(*, round_count: int = 6, calls: int = 40) -> list[SampleEvidence]:
    return [
        timed("native", "a", 100_000, seed=1, round_count=round_count, calls=calls),
        timed("fast", "a", 10_000, seed=2, round_count=round_count, calls=calls),
        timed("slow", "a", 300_000, seed=3, round_count=round_count, calls=calls),
    ]


def test_the_fastest_comes_first_and_the_baseline_is_marked() -> None:
    standings = summary(measured())

    assert places(standings) == [(1, "fast"), (2, "native"), (3, "slow")]
    assert [row.is_baseline for row in standings.rows] == [False, True, False]
    assert standings.ordered_by == "median latency at 1 row"


def test_speedup_is_against_the_baseline_on_the_same_agent_with_an_interval_that_covers_the_truth() -> None:
    fast, slow = row_of(summary(measured()), "fast"), row_of(summary(measured()), "slow")

    assert fast.speedup == pytest.approx(10, rel=0.05)
    assert fast.speedup_low is not None
    assert fast.speedup_high is not None
    assert fast.speedup_low < 10 < fast.speedup_high
    assert slow.speedup == pytest.approx(1 / 3, rel=0.05)


def test_identical_candidates_share_a_rank_and_the_next_counts_on() -> None:
    samples = [*measured(), timed("twin", "a", 10_000, seed=4)]

    standings = summary(samples, candidates=(NATIVE, FAST, TWIN, SLOW))

    assert sorted(places(standings)[:2]) == [(1, "fast"), (1, "twin")]
    assert places(standings)[2:] == [(3, "native"), (4, "slow")]
    assert any("cannot be told apart" in note for note in standings.notes)


def test_identical_candidates_are_seldom_told_apart_and_a_tenth_is_mostly_seen() -> None:
    def is_apart(call_ns: float, seed: int) -> bool:
        samples = [timed("native", "a", 10_000, seed=seed), timed("twin", "a", call_ns, seed=seed)]
        return places(summary(samples, candidates=(NATIVE, TWIN)))[1][0] == 2

    assert sum(is_apart(10_000, seed) for seed in range(40)) <= 4
    assert sum(is_apart(11_000, seed) for seed in range(40)) >= 36


def test_with_one_round_nothing_is_told_apart_and_the_table_says_so() -> None:
    standings = summary(measured(round_count=1))

    assert {row.rank for row in standings.rows} == {1}
    assert any("from one round" in note for note in standings.notes)


def test_rows_of_several_agents_are_ordered_by_absolute_value_with_a_speedup_of_their_own() -> None:
    samples = [
        *measured(),
        timed("native", "b", 500_000, seed=5),
        timed("fast", "b", 50_000, seed=6),
    ]

    standings = summary(samples, candidates=(NATIVE, FAST), agent_ids=("a", "b"))

    assert [(row.candidate_id, row.agent_id) for row in standings.rows] == [
        ("fast", "a"),
        ("fast", "b"),
        ("native", "a"),
        ("native", "b"),
    ]
    assert row_of(standings, "fast", "b").speedup == pytest.approx(10, rel=0.05)


def test_a_candidate_whose_predictions_disagree_is_gated_with_the_reason() -> None:
    evaluations = [evaluation("native"), evaluation("slow"), evaluation("fast", gate_reason="labels differ")]

    standings = summary(measured(), evaluations=evaluations)

    gated = row_of(standings, "fast")
    assert (gated.standing, gated.rank, gated.reason) == (Standing.GATED, None, "labels differ")
    assert gated.figures
    assert places(standings)[0] == (1, "native")


def test_a_candidate_whose_predictions_were_not_compared_is_not_ranked() -> None:
    standings = summary(measured(), evaluations=[evaluation("native"), evaluation("slow")])

    assert row_of(standings, "fast").standing is Standing.UNMEASURED


@pytest.mark.parametrize(
    ("bound", "reason"),
    [
        (Bound(metric="accuracy", at_least=0.95), "accuracy is 0.9, the limit is at least 0.95"),
        (
            Bound(metric="latency_s", statistic="median", batch_size=1, at_most=1e-6),
            "median latency at 1 row is",
        ),
        (Bound(metric="r2", at_least=0.5), "limit on r2 cannot be checked: no test of the plan reports it"),
    ],
)
def test_a_candidate_beyond_a_limit_is_gated_with_value_and_limit(bound: Bound, reason: str) -> None:
    standings = summary(measured(), plan=replace(PLAN, bounds=(bound,)))

    assert all(row.standing is Standing.GATED for row in standings.rows)
    assert standings.rows[0].reason.startswith(reason)


def test_a_candidate_that_keeps_its_limits_is_ranked() -> None:
    bounds = (Bound(metric="accuracy", at_least=0.9), Bound(metric="artifact_bytes", at_most=1000))

    assert all(row.rank for row in summary(measured(), plan=replace(PLAN, bounds=bounds)).rows)


def test_what_is_not_ranked_follows_in_the_order_gated_failed_unmeasured_impossible() -> None:
    impossible = candidate("impossible", reason="cannot be converted")
    crashed, absent = candidate("crashed"), candidate("absent")
    problems = [Problem(candidate_id="crashed", agent_id="a", standing=Standing.FAILED, reason="signal SIGSEGV")]
    evaluations = [evaluation("native"), evaluation("fast"), evaluation("slow", gate_reason="differs")]

    standings = summary(
        measured(),
        candidates=(impossible, absent, crashed, NATIVE, FAST, SLOW),
        evaluations=evaluations,
        problems=problems,
    )

    assert [(row.candidate_id, row.standing) for row in standings.rows if row.rank is None] == [
        ("slow", Standing.GATED),
        ("crashed", Standing.FAILED),
        ("absent", Standing.UNMEASURED),
        ("impossible", Standing.IMPOSSIBLE),
    ]
    assert row_of(standings, "crashed").reason == "signal SIGSEGV"
    assert row_of(standings, "impossible", "").reason == "cannot be converted"


def test_a_candidate_that_failed_is_not_ranked_by_what_it_sent_before() -> None:
    problems = [Problem(candidate_id="fast", agent_id="a", standing=Standing.FAILED, reason="killed")]

    assert row_of(summary(measured(), problems=problems), "fast").standing is Standing.FAILED


def test_what_was_measured_before_a_stop_is_ranked() -> None:
    problems = [Problem(candidate_id="fast", agent_id="a", standing=Standing.UNMEASURED, reason="stopped")]

    assert places(summary(measured(), problems=problems))[0] == (1, "fast")


def test_an_agent_without_a_baseline_is_named_and_has_no_speedup() -> None:
    standings = summary([timed("fast", "a", 10_000, seed=2)], candidates=(FAST,))

    assert standings.rows[0].speedup is None
    assert any("No native baseline on lab-a" in note for note in standings.notes)


@pytest.mark.parametrize(
    ("objective", "first"),
    [
        (Objective(metric="throughput_rows_per_s", statistic="mean", batch_size=32), "fast"),
        (Objective(metric="artifact_bytes", statistic="value", batch_size=0), "slow"),
        (Objective(metric="accuracy", statistic="value", batch_size=0), "native"),
    ],
)
def test_the_table_is_ordered_by_what_the_plan_asks_for(objective: Objective, first: str) -> None:
    samples = [
        timed("native", "a", 100_000, seed=1, batch_sizes=(1, 32), size_bytes=900),
        timed("fast", "a", 10_000, seed=2, batch_sizes=(1, 32), size_bytes=800),
        timed("slow", "a", 300_000, seed=3, batch_sizes=(1, 32), size_bytes=100),
    ]
    evaluations = [evaluation("native", accuracy=0.99), evaluation("fast"), evaluation("slow")]

    standings = summary(samples, plan=replace(PLAN, objective=objective), evaluations=evaluations)

    assert places(standings)[0] == (1, first)
    assert (objective.metric == "accuracy") == (places(standings)[1:] == [(2, "fast"), (2, "slow")])


def test_an_objective_that_could_not_be_had_leaves_the_row_unranked_with_what_it_takes() -> None:
    objective = Objective(metric="latency_s", statistic="p99", batch_size=1)

    standings = summary(measured(calls=1), plan=replace(PLAN, objective=objective))

    assert {row.standing for row in standings.rows} == {Standing.UNMEASURED}
    assert "needs 518 more calls" in standings.rows[0].reason


def test_a_row_cap_is_stated() -> None:
    dataset = DatasetInfo(
        row_count=10_000,
        source_row_count=50_000,
        feature_count=64,
        dtype="float32",
        has_target=True,
        sha256="0" * 64,
        sample_seed=7,
    )

    notes = summary(measured(), dataset=dataset).notes

    assert "10000 of 50000 rows were used (row cap; sample drawn with seed 7)." in notes


def test_nothing_measured_is_an_empty_ranking_with_every_candidate_listed() -> None:
    standings = summary([], agent_ids=())

    assert [row.standing for row in standings.rows] == [Standing.UNMEASURED] * 3
