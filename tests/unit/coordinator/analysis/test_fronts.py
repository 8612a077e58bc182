"""Who is on the front of an agent, and who is fastest with a batch size, from samples as agents send them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mltest.coordinator.analysis.dimensions import Dimension, dimensions_of
from mltest.coordinator.analysis.pareto import Order
from mltest.coordinator.analysis.ranking import Contender
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Candidate, Result, Standing, StandingRow, Standings
from tests.unit.coordinator.analysis.test_standings import NATIVE, evaluation, summary
from tests.unit.coordinator.evidence import candidate, timed

FAST, TWIN, SLOW = candidate("fast"), candidate("twin"), candidate("slow")
CHOSEN = replace(candidate("chosen"), is_lossy=True, uses_rows=True, options={"selected_on": "50 of 100 rows, seed 1"})


def front(standings: Standings, agent_id: str = "a") -> list[str]:
    (found,) = (one for one in standings.fronts if one.agent_id == agent_id)
    return [point.candidate_id for point in found.points if point.is_on_front]


def samples_of(size: int = 1000, **times_ns: float) -> list[SampleEvidence]:
    return [timed(name, "a", ns, seed=place, size_bytes=size) for place, (name, ns) in enumerate(times_ns.items())]


def stand(samples: Sequence[SampleEvidence], *candidates: Candidate, **options: object) -> Standings:
    return summary(samples, candidates=(NATIVE, *candidates), **options)  # type: ignore[arg-type]  # as they are named


def test_the_fastest_is_alone_on_the_front_where_nothing_else_differs() -> None:
    standings = stand(samples_of(native=100_000, fast=10_000, slow=300_000), FAST, SLOW)

    assert front(standings) == ["fast"]
    (found,) = standings.fronts
    assert found.dimensions == ("accuracy", "median latency at 1 row", "median memory peak", "artifact")
    assert [point.beaten_by for point in found.points] == [(), ("label of fast",), ("label of fast",)]


def test_who_is_slower_and_smaller_is_on_the_front_as_well() -> None:
    samples = [*samples_of(native=100_000, fast=10_000), timed("slow", "a", 300_000, seed=7, size_bytes=500)]
    assert front(stand(samples, FAST, SLOW)) == ["fast", "slow"]


def test_a_tie_in_time_does_not_save_who_is_larger() -> None:
    samples = [
        timed("native", "a", 100_000, seed=1),
        timed("fast", "a", 10_000, seed=2),
        timed("twin", "a", 9_990, seed=3, size_bytes=5000),
    ]
    standings = stand(samples, FAST, TWIN)

    assert [row.rank for row in standings.rows[:2]] == [1, 1]
    assert front(standings) == ["fast"]


def test_twins_stand_side_by_side() -> None:
    assert set(front(stand(samples_of(native=100_000, fast=10_000, twin=10_000), FAST, TWIN))) == {"fast", "twin"}


def test_from_one_round_nobody_is_beaten_by_time_nor_by_size() -> None:
    samples = [
        timed("native", "a", 100_000, seed=1, round_count=1),
        timed("fast", "a", 10_000, seed=2, round_count=1, size_bytes=5000),
    ]
    assert set(front(stand(samples, FAST))) == {"native", "fast"}


def test_what_is_gated_is_on_no_front_however_fast() -> None:
    evaluations = [evaluation("native"), evaluation("fast", gate_reason="labels differ")]
    standings = stand(samples_of(native=100_000, fast=10_000), FAST, evaluations=evaluations)

    assert front(standings) == ["native"]
    assert [point.candidate_id for point in standings.fronts[0].points] == ["native"]


def test_agents_have_fronts_of_their_own() -> None:
    samples = [
        *samples_of(native=100_000, fast=10_000),
        timed("native", "b", 1_000, seed=5),
        timed("fast", "b", 5_000, seed=6),
    ]
    standings = stand(samples, FAST, agent_ids=("a", "b"))

    assert (front(standings, "a"), front(standings, "b")) == (["fast"], ["native"])


def test_an_objective_that_is_no_time_leaves_time_a_dimension() -> None:
    plan = Plan(rounds=6, objective=Objective(metric="artifact_bytes", statistic="value", batch_size=0))
    standings = stand(samples_of(native=100_000, fast=10_000), FAST, plan=plan)

    assert "median latency at 1 row" in standings.fronts[0].dimensions
    assert front(standings) == ["fast"]


def judged(candidate_id: str, accuracy: float, judged_accuracy: float, *, count: int) -> Evaluation:
    found = evaluation(candidate_id, accuracy=accuracy)
    whole = replace(found.results[0], count=count)
    half = replace(whole, metric="judged_accuracy", value=judged_accuracy, count=50)
    return replace(found, results=(whole, half))


def test_quality_is_compared_on_the_rows_that_chose_nobody() -> None:
    evaluations = [judged("native", 0.90, 0.95, count=100), judged("chosen", 0.94, 0.94, count=50)]
    standings = stand(samples_of(native=100_000, chosen=10_000), CHOSEN, evaluations=evaluations)

    assert set(front(standings)) == {"native", "chosen"}, "0.94 of one half is not better than 0.90 of all"
    assert standings.fronts[0].dimensions[0] == "judged accuracy"
    row = next(row for row in standings.rows if row.candidate_id == "chosen")
    (remark,) = row.remarks
    assert remark.startswith("quality is that of 50 rows; its recipe was chosen by 50 of 100 rows, seed 1; on the same")
    assert remark.endswith("rows the native model has accuracy 0.9500")


def test_without_a_chosen_candidate_quality_is_that_of_all_rows() -> None:
    evaluations = [judged("native", 0.90, 0.95, count=100), judged("fast", 0.91, 0.94, count=100)]
    standings = stand(samples_of(native=100_000, fast=10_000), FAST, evaluations=evaluations)

    assert (front(standings), standings.fronts[0].dimensions[0]) == (["fast"], "accuracy")
    assert all(not row.remarks for row in standings.rows)


def test_each_batch_size_has_its_own_fastest_with_those_that_cannot_be_told_apart() -> None:
    def timed_twice(name: str, small_ns: float, large_ns: float, seed: int) -> SampleEvidence:
        small, large = (
            timed(name, "a", ns, seed=seed, batch_sizes=(size,)) for ns, size in ((small_ns, 1), (large_ns, 16))
        )
        rounds = tuple(
            replace(one, series=(*one.series, *(found for found in other.series if found.batch_size)))
            for one, other in zip(small.rounds, large.rounds, strict=True)
        )
        return replace(small, rounds=rounds)

    samples = [
        timed_twice("native", 100_000, 5_000, 1),
        timed_twice("fast", 10_000, 9_000, 2),
        timed_twice("twin", 10_000, 20_000, 3),
    ]
    standings = stand(samples, FAST, TWIN)

    small, large = standings.bests
    assert (small.batch_size, set(small.candidate_ids), small.candidate_count) == (1, {"fast", "twin"}, 3)
    assert (large.batch_size, large.candidate_ids) == (16, ("native",))
    assert small.figure.value == pytest.approx(10_000e-9, rel=0.3)


def row(candidate_id: str, *, is_lossy: bool = False) -> StandingRow:
    return StandingRow(
        candidate_id=candidate_id,
        label=candidate_id,
        agent_id="a",
        agent_name="lab",
        standing=Standing.RANKED,
        is_lossy=is_lossy,
    )


def contender(candidate_id: str, *results: Result, is_lossy: bool = False) -> Contender:
    return Contender(row=row(candidate_id, is_lossy=is_lossy), figure=results[0], samples=None, results=results)


def result(
    metric: str, value: float | None, *, spread: float = 0.0, statistic: str = "value", label: str = ""
) -> Result:
    ends = (None, None) if value is None or not spread else (value * (1 - spread), value * (1 + spread))
    return Result(
        candidate_id="",
        test="",
        metric=metric,
        statistic=statistic,
        label=label,
        value=value,
        low=ends[0],
        high=ends[1],
    )


def joules(value: float, *, boundary: str, label: str = "") -> Result:
    found = result("gross_energy_j", value, spread=0.01, statistic="mean", label=label)
    return replace(found, boundary=boundary, batch_size=1)


def dimension(*contenders: Contender, name: str = "") -> Dimension:
    found = dimensions_of(contenders, None)
    return next(one for one in found if one.name == name) if name else found[0]


def test_what_is_absent_is_no_advantage() -> None:
    known, unknown = contender("a", result("artifact_bytes", 10.0)), contender("b", result("artifact_bytes", None))
    compare = dimension(known, unknown).compare

    assert compare(0, 1) is Order.ALIKE
    assert compare(1, 0) is Order.UNKNOWN
    assert dimensions_of((unknown,), None) == ()


@pytest.mark.parametrize(
    ("ours", "theirs", "spread", "order"),
    [
        (100.0, 200.0, 0.01, Order.BETTER),
        (200.0, 100.0, 0.01, Order.WORSE),
        (101.0, 100.0, 0.005, Order.ALIKE),
        (104.0, 100.0, 0.04, Order.UNKNOWN),
        (100.0, 100.0, 0.0, Order.UNKNOWN),
    ],
)
def test_memory_is_compared_by_intervals(ours: float, theirs: float, spread: float, order: Order) -> None:
    pair = [
        contender(name, result("memory_peak_bytes", value, spread=spread, statistic="median"))
        for name, value in (("a", ours), ("b", theirs))
    ]
    assert dimension(*pair).compare(0, 1) is order


def test_arithmetic_alone_is_no_difference_of_quality() -> None:
    pair = [contender(name, result("r2", value)) for name, value in (("a", 0.9), ("b", 0.9 + 3e-8))]
    assert dimension(*pair).compare(1, 0) is Order.ALIKE
    far = [
        contender("a", result("max_abs_difference", 0.0)),
        contender("b", result("max_abs_difference", 1e-5)),
        contender("c", result("max_abs_difference", 0.2), is_lossy=True),
    ]
    compare = dimension(*far).compare
    assert (compare(1, 0), compare(0, 1)) == (Order.ALIKE, Order.ALIKE)
    assert (compare(1, 2), compare(2, 1)) == (Order.BETTER, Order.WORSE)


def test_energy_read_at_different_boundaries_is_never_compared() -> None:
    wall = contender("a", joules(9.0, boundary="wall", label="wall"))
    package = contender("b", joules(1.0, boundary="cpu.package"))
    cheaper = contender("c", joules(0.5, boundary="cpu.package"))
    trio = (wall, package, cheaper)

    names = [one.name for one in dimensions_of(trio, None)]
    assert names == ["mean gross energy at 1 row"]
    at_package = dimension(*trio, name=names[0]).compare
    assert at_package(2, 1) is Order.BETTER
    assert at_package(1, 0) is Order.ALIKE, "nothing is known of it there"
    assert at_package(0, 1) is Order.UNKNOWN
