"""What a job in full says of forms of a call, machines, and what has to be known of a row."""

from dataclasses import replace

import pytest

from mltest.coordinator.analysis.machines import agent_machines
from mltest.coordinator.report.machine_text import machine_text
from mltest.coordinator.report.show import JobView
from mltest.coordinator.report.table import StandingsView
from mltest.coordinator.store import StoredMachineState
from mltest.shared.domain import JobResults, MachineClass, MachineState, Result, Standing, StandingRow, Standings
from tests.unit.coordinator.report.test_report import JOB, screen

FEW = "only 20 distinct rows were fed"


def result(metric: str, statistic: str, value: float | None, *, reason: str = "", batch_size: int = 1) -> Result:
    return Result(
        candidate_id="c",
        agent_id="a",
        test="latency",
        metric=metric,
        statistic=statistic,
        batch_size=batch_size,
        value=value,
        count=700 if value else 0,
        reason=reason,
    )


def row(candidate_id: str, rank: int, *remarks: str) -> StandingRow:
    return StandingRow(
        rank=rank,
        candidate_id=candidate_id,
        label=f"label of {candidate_id}",
        agent_id="a",
        agent_name="lab-1",
        standing=Standing.RANKED,
        machine_class=MachineClass.SHARED,
        round_count=12,
        remarks=remarks,
        thread_count=1,
    )


@pytest.fixture
def results() -> JobResults:
    figures = (
        result("latency_s", "median", 10e-6),
        result("latency_s", "p99_9", 77e-6),
        result("outlier_ratio", "value", 0.0123),
        result("lean_latency_s", "median", 5e-6),
        result("native_latency_s", "median", None, reason="install gcc"),
        result("native_latency_s", "p99", None, reason="install gcc"),
    )
    rows = (row("c", 1, FEW, "precise: 12 rounds"), row("d", 2, FEW, "imprecise: 12 rounds"))
    return JobResults(job=JOB, results=figures, standings=Standings(rows=rows))


def state(machine_class: MachineClass, foreign: float, *, celsius: float | None = None) -> StoredMachineState:
    found = MachineState(
        machine_class=machine_class,
        foreign_load_ratio=foreign,
        steal_ratio=0.01,
        canary_cv_ratio=0.03,
        throttled_slice_count=1,
        temperature_celsius=celsius,
    )
    return StoredMachineState(agent_id="a", round_index=0, state=found)


def test_every_form_of_a_call_has_its_table_and_an_absent_one_its_reason(results: JobResults) -> None:
    text = screen(JobView(results), 120)
    lines = [" ".join(line.split()) for line in text.splitlines()]

    assert "python median mean p90 p95 p99 p99.9 far out rows calls" in lines
    assert "b1 10.0 µs - - - - 77.0 µs 0.0123 - 700" in lines
    assert "lean median mean p90 p95 p99 p99.9 calls" in lines
    assert "b1 5.00 µs - - - - - 700" in lines
    assert "native: install gcc" in lines


def test_figures_stand_below_the_class_of_their_machine_with_their_rounds_and_counted_threads(
    results: JobResults,
) -> None:
    text = screen(JobView(results), 120)

    assert "label of c on lab-1 (shared), 12 rounds, 1 working thread counted" in text
    assert "  - precise: 12 rounds" in text


def test_the_table_says_once_what_holds_for_every_candidate_and_names_the_others(results: JobResults) -> None:
    lines = screen(StandingsView(results), 120).splitlines()

    assert [line.rstrip() for line in lines if line.startswith("!")] == [
        f"! every candidate: {FEW}.",
        "! label of c on lab-1: precise: 12 rounds.",
        "! label of d on lab-1: imprecise: 12 rounds.",
    ]


def test_a_machine_is_summed_up_by_its_worst_class_and_usual_load() -> None:
    states = [
        state(MachineClass.DEDICATED, 0.01),
        state(MachineClass.NOISY, 0.9, celsius=71),
        state(MachineClass.SHARED, 0.2, celsius=60),
    ]
    (machine,) = agent_machines(states, {"a": "lab-1"})

    assert (machine.visit_count, machine.state.machine_class) == (3, MachineClass.NOISY)
    assert machine_text(machine) == (
        "lab-1: noisy in 3 visits; foreign load 20%; steal 1.0%; a fixed piece of work varied by 3.0%; "
        "clock cannot be read; 71 °C; 3 slices throttled, not used"
    )


def test_a_load_that_could_not_be_read_is_not_told_as_none() -> None:
    (machine,) = agent_machines([state(MachineClass.UNSPECIFIED, 0.0)], {})
    unknown = replace(machine, state=replace(machine.state, throttled_slice_count=0))

    assert machine_text(unknown).startswith("a: unknown in 1 visit; its load could not be read; ")
    assert "foreign load" not in machine_text(unknown)


def test_a_machine_that_hides_its_load_is_called_unknown_beside_its_numbers(results: JobResults) -> None:
    rows = tuple(replace(one, machine_class=MachineClass.UNSPECIFIED) for one in results.standings.rows)
    text = screen(StandingsView(replace(results, standings=Standings(rows=rows))), 120)

    assert "lab-1 (unknown)" in text
    assert "unknown: what else ran on the machine could not be read" in text
