"""From recorded readings to joules in the table: which rounds count, what is below resolution, what is ranked."""

from dataclasses import replace

import pytest

from mltest.coordinator.planning.figure_names import parse_bound, parse_figure
from mltest.coordinator.planning.plan import Bound, Plan
from mltest.coordinator.tests.energy import Energy, energy_test
from mltest.coordinator.tests.latency import Latency
from mltest.coordinator.tests.registry import choice_of
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Result, RoundState, Standing, StandingRow, Standings
from mltest.shared.energy.domain import Scope
from mltest.shared.energy.reading import Reading
from mltest.shared.energy.recorded import domains_of, readings_of
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.analysis.test_standings import summary
from tests.unit.coordinator.energies import IDLE_W, LOAD_S, energy_of, recorded, recorded_idle, spec
from tests.unit.coordinator.evidence import candidate, timed

ROUNDS, CALLS = 7, 100
NET_W = 30.0
BUSY = RoundState(foreign_cores=0.3)
TESTS = (choice_of(Latency, {"batch_sizes": (1,)}), choice_of(Energy))


def measured(rounds: object, candidate_id: str = "c", agent_id: str = "a", *, seed: int = 1) -> SampleEvidence:
    energy = energy_of(rounds, [recorded_idle(IDLE_W)] * ROUNDS)  # type: ignore[arg-type]  # a sequence
    return replace(timed(candidate_id, agent_id, 1e5, seed=seed), energy=energy)


def results(rounds: object) -> dict[str, Result]:
    return {one.metric: one for one in Energy().results(measured(rounds))}


def test_joules_are_those_of_the_readings_and_lie_within_their_error_bar() -> None:
    found = results([recorded(IDLE_W + NET_W)] * ROUNDS)

    gross, net = found["gross_energy_j"], found["net_energy_j"]
    assert gross.value == pytest.approx((IDLE_W + NET_W) * LOAD_S / CALLS, rel=1e-3)
    assert net.value == pytest.approx(NET_W * LOAD_S / CALLS, rel=1e-3)
    assert (gross.count, gross.call_count, gross.boundary, gross.meter) == (7, CALLS, "cpu.package", "rapl-powercap")
    assert gross.statistical is not None
    assert gross.type_b is not None
    assert gross.value is not None
    assert gross.high is not None
    assert gross.type_b == pytest.approx(2 * 0.02 * gross.value, rel=0.01), "the scale of the meter"
    assert (gross.high - gross.value) ** 2 == pytest.approx(gross.statistical**2 + gross.type_b**2)
    assert found["idle_power_w"].value == pytest.approx(IDLE_W, rel=1e-3)
    assert found["loaded_idle_power_w"].value == pytest.approx(IDLE_W, rel=1e-3)


def test_a_round_that_is_not_sound_is_replaced_by_its_second_try() -> None:
    rounds = energy_of([recorded(IDLE_W + NET_W)] * ROUNDS).rounds
    disturbed = replace(rounds[0], recorded=recorded(90.0, state=BUSY))
    again = replace(rounds[0], recorded=recorded(IDLE_W + NET_W, try_index=1))
    energy = replace(energy_of([]), rounds=(disturbed, again, *rounds[1:]))
    found = Energy().results(replace(measured([]), energy=energy))

    gross = next(one for one in found if one.metric == "gross_energy_j")
    assert gross.count == ROUNDS
    assert gross.value == pytest.approx((IDLE_W + NET_W) * LOAD_S / CALLS, rel=1e-3)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (recorded(45.0, state=BUSY), "others used 30 % of a processor"),
        (recorded(45.0, state=RoundState(is_throttled=True)), "throttled"),
        (recorded(45.0, state=RoundState(slept_ns=10**9)), "suspended for 1 s"),
        (recorded(45.0, state=RoundState(faults=("swap was used",))), "swap was used"),
        (recorded(45.0, base_w=(15.0, 19.0)), "idle power moved"),
    ],
)
def test_without_five_sound_rounds_there_is_no_joule_but_the_reason(bad: object, said: str) -> None:
    gross = results([recorded(45.0)] * 4 + [bad] * 3)["gross_energy_j"]

    assert gross.value is None
    assert gross.reason.startswith("4 of at least 5 rounds are sound")
    assert "3 of 7 rounds were rejected" in gross.reason
    assert said in gross.reason


def test_rounds_that_a_meter_did_not_live_to_see_are_told_beside_those_that_it_cut_short() -> None:
    gone = "agent a: rapl-powercap: the kernel has no powercap zones"
    cut = replace(measured([recorded(45.0, state=BUSY)]).energy, absence=gone)

    (gross,) = (one for one in Energy().results(replace(measured([]), energy=cut)) if one.metric == "gross_energy_j")

    assert gross.value is None
    assert gross.reason.startswith("0 of at least 5 rounds are sound; 1 of 1 rounds were rejected: others used")
    assert gross.reason.endswith(gone)


def test_a_counter_that_could_not_be_read_at_all_says_why() -> None:
    broken = [
        Reading(begin_ns=at_ns, end_ns=at_ns, values={}, absent={"cpu.package-0": "Is a directory"}) for at_ns in (1, 2)
    ]

    (column,) = domains_of(spec(), broken)
    found = readings_of(replace(recorded(45.0), begin_ns=(1, 2), took_ns=(0, 0), domains=(column,)))

    assert list(found) == broken


def test_of_reasons_that_differ_by_numbers_only_the_worst_is_said() -> None:
    busy = [recorded(45.0, state=RoundState(foreign_cores=cores)) for cores in (0.3, 1.9, 0.9)]
    reason = results([recorded(45.0)] * 4 + busy)["gross_energy_j"].reason

    assert reason.count("of a processor") == 1
    assert "3 of 7 rounds were rejected: others used 190 % of a processor meanwhile (mltest-agent doctor" in reason


def test_what_the_meter_cannot_see_is_told_as_an_upper_bound() -> None:
    net = results([recorded(IDLE_W + shift) for shift in (0.001, -0.001, 0.002, 0.0, -0.002, 0.001, 0.0)])[
        "net_energy_j"
    ]

    assert net.value is None
    assert net.high is not None
    assert 0 < net.high < 0.1 * IDLE_W * LOAD_S / CALLS
    assert net.reason.startswith("below resolution: at most")


def test_without_a_meter_the_reason_stands_where_the_joules_would() -> None:
    evidence = replace(measured([]), energy=replace(energy_of([]), absence="no meter; buy one"))

    found = Energy(batch_sizes=(1, 8)).results(evidence)

    assert {(one.metric, one.batch_size, one.value, one.reason) for one in found} == {
        (metric, size, None, "no meter; buy one") for metric in ("gross_energy_j", "net_energy_j") for size in (1, 8)
    }


def test_only_the_boundary_that_the_plan_names_is_told() -> None:
    gpu = spec(domain_id="gpu.0", scope=Scope.GPU, meter="nvml")
    rounds = [
        replace(one, round_index=index % ROUNDS)
        for index, one in enumerate(energy_of([recorded(45.0)] * ROUNDS + [recorded(200.0, of=gpu)] * ROUNDS).rounds)
    ]
    evidence = replace(measured([]), energy=replace(energy_of([]), rounds=tuple(rounds)))

    assert {one.boundary for one in Energy().results(evidence)} == {"cpu.package", "gpu.0"}
    assert {one.boundary for one in Energy(boundary="gpu.0").results(evidence)} == {"gpu.0"}


def table(*samples: SampleEvidence, order_by: str = "energy", bounds: tuple[Bound, ...] = ()) -> Standings:
    plan = Plan(tests=TESTS, objective=parse_figure(order_by), bounds=bounds)
    ids = dict.fromkeys(one.candidate_id for one in samples)
    return summary(
        samples,
        plan=plan,
        candidates=[candidate(one, is_baseline=not place) for place, one in enumerate(ids)],
        agent_ids=tuple(dict.fromkeys(one.agent_id for one in samples)),
    )


def row(standings: Standings, candidate_id: str, agent_id: str = "a") -> StandingRow:
    return next(one for one in standings.rows if (one.candidate_id, one.agent_id) == (candidate_id, agent_id))


def drifting(load_w: float) -> list[object]:
    """Rounds of a machine whose power drifts by more than two candidates differ, which hits both alike."""
    return [recorded(load_w * (1 + 0.05 * place), base_w=(IDLE_W, IDLE_W)) for place in range(ROUNDS)]


def test_candidates_are_ranked_by_joules_of_the_same_rounds() -> None:
    standings = table(measured(drifting(46.0), "more"), measured(drifting(45.0), "less", seed=2))

    assert [one.candidate_id for one in standings.rows] == ["less", "more"]
    assert [one.rank for one in standings.rows] == [1, 2], "2 % are certain where a drift of 30 % is common to both"
    (front,) = standings.fronts
    assert [point.candidate_id for point in front.points if point.is_on_front] == ["less"]
    assert row(standings, "less").speedup == pytest.approx(1, rel=0.1), "a speed-up is of times, whatever ranks"


def test_joules_that_differ_in_no_direction_share_a_rank() -> None:
    other = [recorded(46.0 + (0.5 if place % 2 else -0.5)) for place in range(ROUNDS)]
    standings = table(measured([recorded(46.0)] * ROUNDS, "one"), measured(other, "two", seed=2))

    assert [one.rank for one in standings.rows] == [1, 1]


def test_agents_with_different_boundaries_are_never_in_one_ranking() -> None:
    wall = spec(domain_id="wall", scope=Scope.WALL, meter="shelly")
    standings = table(
        measured([recorded(45.0)] * ROUNDS, "c", "a"),
        measured([recorded(45.0)] * ROUNDS, "d", "a"),
        measured([recorded(80.0, of=wall)] * ROUNDS, "c", "b"),
    )

    assert row(standings, "c").standing is Standing.RANKED
    elsewhere = row(standings, "c", "b")
    assert elsewhere.standing is Standing.UNMEASURED
    assert "measured at wall, which is never ranked beside cpu.package" in elsewhere.reason


def test_an_estimate_is_never_ranked_beside_a_measurement() -> None:
    guess = replace(spec(), is_estimate=True)
    standings = table(
        measured([recorded(45.0)] * ROUNDS, "c", "a"), measured([recorded(40.0, of=guess)] * ROUNDS, "c", "b")
    )

    assert row(standings, "c", "b").standing is Standing.UNMEASURED
    assert "cpu.package (estimate)" in row(standings, "c", "b").reason


def test_a_limit_on_joules_gates() -> None:
    samples = (measured([recorded(45.0)] * ROUNDS, "more"), measured([recorded(20.0)] * ROUNDS, "less", seed=2))
    standings = table(*samples, order_by="latency", bounds=(parse_bound("energy<=1200mJ"),))

    assert row(standings, "less").standing is Standing.RANKED
    assert row(standings, "more").standing is Standing.GATED
    assert "mean gross energy at 1 row is 1.80 J, the limit is at most 1.20 J" in row(standings, "more").reason


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"batch_sizes": ()}, "at least one size"),
        ({"rounds": 4}, "rounds has to be from 5"),
        ({"max_window_s": 500.0}, "max_window_s"),
        ({"target_ratio": 1.0}, "target_ratio"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Energy(**params)  # type: ignore[arg-type]  # on purpose


def test_a_job_has_one_energy_test_at_most() -> None:
    with pytest.raises(PlanInvalidError, match="one Energy test at most"):
        energy_test([Energy(), Energy(batch_sizes=(8,))])
