"""Which visits measure energy, on whom, and with how many calls."""

from dataclasses import replace

import pytest

from mltest.coordinator.api import StoredEnergy
from mltest.coordinator.fleet.hostile import check_event, cleaned
from mltest.coordinator.job.energy_absence import energy_absence, unmet_wish
from mltest.coordinator.job.energy_rounds import calls_of, done_rounds
from mltest.coordinator.job.fitting_meters import fitting_meters
from mltest.coordinator.job.scheduler import energy_visit, plan_visits
from mltest.coordinator.store import StoredEnergyAbsent, StoredVisit
from mltest.shared.domain import (
    FIRST_ENERGY_ROUND,
    EnergyAbsent,
    EnergyCalls,
    EnergyRecorded,
    EnergySpec,
    MeterInfo,
    Outcome,
    VisitEvent,
)
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.recording import spec_to_json
from mltest.shared.errors import VisitInterruptedError
from tests.unit.coordinator.energies import recorded, spec
from tests.unit.coordinator.job.test_scheduler import AGENT, NATIVE, SUBJECT

SPEC = EnergySpec(batch_sizes=(1,), max_window_ns=10**9, warmup_ns=0)
RAPL = MeterInfo(name="rapl-powercap", is_available=True, boundaries=("cpu.package+dram", "psys"))
NVML = MeterInfo(name="nvml", is_available=True, boundaries=("gpu.0",))
LOCKED = MeterInfo(name="rapl-perf", is_available=False, reason="not allowed", remedy="grant it")
METERED = replace(AGENT, measures_energy=True, meters=(RAPL, NVML, LOCKED))
ENERGETIC = replace(SUBJECT, energy=SPEC, energy_rounds=7)
VISIT = energy_visit(ENERGETIC, METERED, [NATIVE], round_index=FIRST_ENERGY_ROUND, calls={})


@pytest.mark.parametrize(
    ("energy", "names"),
    [
        (SPEC, ["rapl-powercap", "nvml"]),
        (replace(SPEC, meters=("rapl-*",)), ["rapl-powercap"]),
        (replace(SPEC, boundary="gpu.0"), ["nvml"]),
        (replace(SPEC, boundary="wall"), []),
        (None, []),
    ],
)
def test_only_meters_that_can_be_read_at_a_wanted_boundary_count(energy: EnergySpec | None, names: list[str]) -> None:
    assert [one.name for one in fitting_meters(METERED, energy)] == names


def test_an_agent_of_an_older_version_is_not_asked_for_energy() -> None:
    assert fitting_meters(replace(METERED, measures_energy=False), SPEC) == ()


def test_a_visit_of_energy_measures_nothing_else_and_is_none_of_those_that_measure_times() -> None:
    times = plan_visits(SUBJECT, METERED, [NATIVE], rounds=range(7))

    assert (VISIT.energy, VISIT.latency, VISIT.collects_predictions) == (SPEC, None, False)
    assert VISIT.visit_id not in {one.visit_id for one in times}
    assert energy_visit(ENERGETIC, METERED, [NATIVE], round_index=FIRST_ENERGY_ROUND, calls={}) == VISIT
    assert VISIT.limits.visit_timeout_ns > times[0].limits.visit_timeout_ns


def test_every_round_has_as_many_calls_as_the_first() -> None:
    stored = [
        StoredEnergy(agent_id=agent_id, round_index=index, recorded=recorded(45.0, call_count=count))
        for agent_id, index, count in (("a", 2, 30), ("a", 1, 20), ("b", 0, 10))
    ]
    calls = calls_of(stored, "a")

    assert calls == {"c": (EnergyCalls(batch_size=1, call_count=20),)}
    candidate = replace(NATIVE, candidate_id="c")
    visit = energy_visit(ENERGETIC, METERED, [candidate], round_index=FIRST_ENERGY_ROUND + 3, calls=calls)
    assert visit.candidates[0].energy_calls == calls["c"]


def test_a_round_that_was_cut_is_not_done() -> None:
    visits = [
        StoredVisit(
            agent_id=METERED.agent_id,
            spec=replace(VISIT, round_index=FIRST_ENERGY_ROUND + index),
            outcome=outcome,
            reason_code="",
            reason="",
        )
        for index, outcome in enumerate((Outcome.OK, None, Outcome.CANCELLED, Outcome.FAILED))
    ]

    assert done_rounds(visits, METERED.agent_id) == {0, 3}
    assert done_rounds(visits, "another") == frozenset()


def test_what_was_not_measured_has_a_reason_and_a_remedy() -> None:
    bare = replace(METERED, meters=())
    told = [StoredEnergyAbsent(agent_id=METERED.agent_id, absent=EnergyAbsent(meter="nvml", reason="MIG is on"))]

    assert "no known counter or sensor" in energy_absence(bare, (), "c")
    assert energy_absence(replace(METERED, meters=(LOCKED,)), (), "c").endswith("rapl-perf: not allowed; grant it")
    assert energy_absence(METERED, told, "c").endswith("nvml: MIG is on")
    assert "too old" in energy_absence(replace(METERED, measures_energy=False), (), "c")


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (EnergySpec(batch_sizes=(1,), max_window_ns=1, warmup_ns=1, boundary="wall"), "the boundary wall"),
        (
            EnergySpec(batch_sizes=(1,), max_window_ns=1, warmup_ns=1, meters=("shelly*",)),
            "a boundary that can be ranked of a meter shelly*",
        ),
    ],
)
def test_a_boundary_that_no_meter_has_is_named_beside_those_that_there_are(wanted: EnergySpec, asked: str) -> None:
    names = ", ".join(METERED.meters[0].boundaries)

    found = energy_absence(METERED, (), "c", wanted)

    assert found.startswith(f"agent {METERED.name}: the plan asks for {asked}, and it has ")
    assert f"({names})" in found
    assert unmet_wish(METERED, wanted) == found
    assert unmet_wish(METERED, SPEC) == unmet_wish(replace(METERED, meters=()), SPEC) == ""
    assert "no known counter" in unmet_wish(replace(METERED, meters=()), wanted)


RECORDED = recorded(45.0, candidate_id="native")
OTHER_SPEC = replace(spec(), domains=(Domain(id="gpu.0", scope=Scope.GPU),))
FALSE = (
    replace(RECORDED, candidate_id="stranger"),
    replace(RECORDED, begin_ns=RECORDED.begin_ns[::-1]),
    replace(RECORDED, took_ns=RECORDED.took_ns[1:]),
    replace(RECORDED, call_count=2**63),
    replace(RECORDED, windows=RECORDED.windows * 9),
    replace(RECORDED, meter_json="{}"),
    replace(RECORDED, meter_json=spec_to_json(OTHER_SPEC)),
    replace(RECORDED, meter_json=spec_to_json(replace(spec(), update_s=float("nan")))),
    replace(RECORDED, meter_json=spec_to_json(replace(spec(), meter="\x1b[31mrapl"))),
    replace(RECORDED, domains=RECORDED.domains * 2),
    replace(RECORDED, domains=(replace(RECORDED.domains[0], values=RECORDED.domains[0].values[1:]),)),
    replace(RECORDED, domains=(replace(RECORDED.domains[0], values=(float("inf"),) * 4),)),
)


@pytest.mark.parametrize("body", FALSE)
def test_readings_that_cannot_be_are_not_believed(body: EnergyRecorded) -> None:
    with pytest.raises(VisitInterruptedError):
        check_event(VisitEvent(seq=1, event=body), VISIT, expected_seq=1)


def test_readings_of_a_candidate_of_the_visit_are_taken_as_they_are() -> None:
    rails = tuple(Domain(id=f"rail.{number}", scope=Scope.RAIL) for number in range(200))
    many = replace(RECORDED, meter_json=spec_to_json(replace(spec(), domains=(*spec().domains, *rails))))

    for body in (RECORDED, replace(RECORDED, candidate_id=""), many):
        check_event(VisitEvent(seq=1, event=body), VISIT, expected_seq=1)
        assert cleaned(VisitEvent(seq=1, event=body)).event == body
