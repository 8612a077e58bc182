"""The table of findings: what the state of machines says against figures, and what is made of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mltest.coordinator.analysis.doubts import concerns_of, doubted
from mltest.coordinator.analysis.machine_policy import ENERGY, GPU, MEMORY, TABLE, TIME, findings_of
from mltest.coordinator.analysis.machines import agent_machines
from mltest.coordinator.analysis.recomputation import differences
from mltest.coordinator.analysis.standings import summarise
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.coordinator.report.doubt_text import doubt_texts
from mltest.coordinator.report.figure_text import figure_text
from mltest.coordinator.report.machine_text import finding_texts
from mltest.coordinator.store import StoredMachineState
from mltest.shared.domain import (
    AgentMachine,
    FindingLevel,
    GpuState,
    MachineClass,
    MachineFinding,
    MachineState,
    Result,
    Standing,
    Standings,
)
from tests.unit.coordinator.analysis.test_standings import evaluation
from tests.unit.coordinator.evidence import MODEL, agent, candidate, timed

WARN, MARK, REFUSE = FindingLevel.WARN, FindingLevel.UNRELIABLE, FindingLevel.REFUSE
SETTINGS = {"governor": "performance", "turbo": "off", "smt": "on", "aslr": "2", "power": "mains"}
GOOD = MachineState(
    machine_class=MachineClass.DEDICATED,
    foreign_load_ratio=0.01,
    steal_ratio=0.0,
    canary_cv_ratio=0.01,
    temperature_start_celsius=50.0,
    temperature_celsius=51.0,
    watched_s=2.0,
    settings=SETTINGS,
    swapped_bytes=0,
    swap_used_bytes=0,
    package_load_ratio=0.01,
    split_core_count=0,
)
GPU_STATE = GpuState(index=0, name="H100")


def state(settings: dict[str, str] | None = None, gpu: dict[str, Any] | None = None, **changes: Any) -> MachineState:
    gpus = (replace(GPU_STATE, **gpu),) if gpu else ()
    return replace(GOOD, settings=SETTINGS | (settings or {}), gpus=gpus, **changes)


ROWS: list[tuple[str, FindingLevel, MachineState, tuple[str, ...], str]] = [
    ("governor", WARN, state({"governor": "powersave"}), (TIME, ENERGY), "governor powersave"),
    ("turbo", WARN, state({"turbo": "on"}), (TIME, ENERGY), "turbo is on"),
    ("split_cores", WARN, state(split_core_count=1), (TIME, ENERGY), "only one hardware thread of 1 core"),
    ("battery", WARN, state({"power": "battery"}), (TIME, ENERGY), "on battery"),
    ("load", WARN, state(foreign_load_ratio=0.2), (TIME, ENERGY), "others used 20%"),
    ("temperature", WARN, state(temperature_celsius=54.0), (TIME, ENERGY), "rose by 2.0 °C/s"),
    ("aslr", WARN, state({"aslr": "0"}), (TIME,), "ASLR is off"),
    ("virtual", WARN, state({"virtualisation": "virtual machine (KVM)"}), (ENERGY,), "virtual machine (KVM)"),
    ("swap", WARN, state(swap_used_bytes=2_000_000), (TIME, MEMORY), "lie in swap"),
    ("changed", MARK, state(changed_settings=("turbo: on became off",)), (TIME, ENERGY), "turbo: on became off"),
    ("swapping", MARK, state(swapped_bytes=8192), (TIME, ENERGY), "went to swap or came back"),
    ("swapped", REFUSE, state(swapped_bytes=8192), (MEMORY,), "went to swap or came back"),
    ("throttled_once", MARK, state(throttle_causes=("heat",)), (TIME, ENERGY), "throttled in 1 of 1 visit (heat)"),
    ("undervoltage", REFUSE, state(throttle_causes=("undervoltage",)), (TIME, ENERGY), "undervoltage in 1 of 1"),
    ("steal", REFUSE, state(steal_ratio=0.02), (ENERGY,), "the hypervisor took 2.0%"),
    ("shared_package", REFUSE, state(package_load_ratio=0.3), (ENERGY,), "others used 30% of the rest"),
    ("gpu_throttled_once", MARK, state(gpu={"throttle_causes": ("heat",)}), (GPU,), "GPU throttled in 1 of 1"),
    ("gpu_divided", REFUSE, state(gpu={"is_divided": True}), (GPU,), "MIG is on"),
    ("gpu_shared", REFUSE, state(gpu={"foreign_process_count": 2}), (GPU,), "2 other processes"),
]
OF_SEVERAL = [
    (
        "throttled",
        state(throttle_causes=("over-current",)),
        (TIME, ENERGY),
        "throttled in 2 of 3 visits (over-current)",
    ),
    ("throttled", state(throttled_slice_count=3), (TIME, ENERGY), "throttled in 2 of 3 visits"),
    ("gpu_throttled", state(gpu={"throttle_causes": ("power limit",)}), (GPU,), "in 2 of 3 visits (power limit)"),
]


def test_nothing_is_said_against_a_good_machine() -> None:
    assert findings_of([GOOD, GOOD]) == ()


def test_nothing_is_said_against_what_cannot_be_read() -> None:
    blank = MachineState(
        machine_class=MachineClass.UNSPECIFIED, foreign_load_ratio=0.0, steal_ratio=0.0, canary_cv_ratio=0.0
    )
    assert findings_of([blank]) == ()


@pytest.mark.parametrize(("key", "level", "spoilt", "concerns", "text"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_of_the_table_finds_its_fault(
    key: str, level: FindingLevel, spoilt: MachineState, concerns: tuple[str, ...], text: str
) -> None:
    found = next(one for one in findings_of([spoilt]) if one.key == key)

    assert (found.level, found.concerns) == (level, concerns)
    assert text in found.text


@pytest.mark.parametrize(("key", "spoilt", "concerns", "text"), OF_SEVERAL)
def test_throttling_in_more_than_one_visit_takes_figures_out_of_the_ranking(
    key: str, spoilt: MachineState, concerns: tuple[str, ...], text: str
) -> None:
    (found,) = findings_of([spoilt, GOOD, spoilt])

    assert (found.key, found.level, found.concerns) == (key, REFUSE, concerns)
    assert text in found.text


def test_every_row_of_the_table_is_tried() -> None:
    assert {row.key for row in TABLE} == {row[0] for row in ROWS} | {row[0] for row in OF_SEVERAL}


def test_one_step_of_a_sensor_is_no_slope() -> None:
    assert findings_of([state(temperature_celsius=51.0, watched_s=0.1)]) == ()


@pytest.mark.parametrize(
    ("metric", "label", "on_gpu", "expected"),
    [
        ("latency_s", "", False, {TIME}),
        ("throughput_rows_per_s", "", False, {TIME}),
        ("memory_peak_bytes", "", False, {MEMORY}),
        ("artifact_bytes", "", True, set()),
        ("accuracy", "", True, set()),
        ("latency_s", "", True, {TIME, GPU}),
    ],
)
def test_findings_concern_figures_by_what_they_are(metric: str, label: str, on_gpu: bool, expected: set[str]) -> None:
    found = Result(candidate_id="c", agent_id="a", test="t", metric=metric, label=label, value=1.0)

    assert concerns_of(found, on_gpu=on_gpu) == expected


def conclusion(states: Sequence[MachineState], objective: str = "latency_s") -> tuple[tuple[Result, ...], Standings]:
    """Return what is made of two candidates, measured in six visits of a machine that was like `states`."""
    samples = [timed("native", "a", 100_000, seed=1), timed("fast", "a", 10_000, seed=2)]
    stored = [StoredMachineState(agent_id="a", round_index=index, state=one) for index, one in enumerate(states)]
    batch_size = 1 if objective == "latency_s" else 0
    statistic = "value" if objective == "accuracy" else "median"
    return summarise(
        plan=Plan(rounds=6, objective=Objective(metric=objective, statistic=statistic, batch_size=batch_size)),
        model=MODEL,
        candidates=[candidate("native", is_baseline=True), candidate("fast")],
        agents=[agent("a")],
        samples=samples,
        evaluations=[evaluation(found.candidate_id) for found in samples],
        problems=[],
        machines=agent_machines(stored, {"a": "lab"}),
    )


THROTTLED = [state(throttle_causes=("heat",)), GOOD, state(throttle_causes=("heat",)), GOOD, GOOD, GOOD]


def test_a_throttled_machine_ranks_nobody_by_time_and_keeps_the_values() -> None:
    results, standings = conclusion(THROTTLED)

    assert {row.standing for row in standings.rows} == {Standing.REFUSED}
    assert all("throttled in 2 of 6 visits (heat)" in row.reason for row in standings.rows)
    latency = next(one for one in results if one.metric == "latency_s" and one.statistic == "median")
    assert latency.value is not None
    assert latency.doubt_level is REFUSE
    assert figure_text(latency).endswith("!")
    assert list(doubt_texts([latency])) == [
        "latency (marked !, nobody is ranked by it): throttled in 2 of 6 visits (heat)"
    ]


def test_joules_with_an_error_bar_are_marked_as_well() -> None:
    found = Result(candidate_id="c", agent_id="a", test="t", metric="gross_energy_j", value=0.5, high=0.6)
    joules = replace(found, boundary="cpu.package", doubt_level=REFUSE)

    assert figure_text(joules).endswith("!")
    assert figure_text(replace(joules, value=None)).endswith("!")
    assert not figure_text(replace(joules, doubt_level=FindingLevel.UNSPECIFIED)).endswith("!")


def test_a_throttled_machine_still_ranks_by_what_heat_does_not_change() -> None:
    _, standings = conclusion(THROTTLED, "accuracy")

    assert {row.standing for row in standings.rows} == {Standing.RANKED}
    (front,) = standings.fronts
    assert "median latency at 1 row" not in front.dimensions
    assert standings.bests == ()


def test_a_machine_that_was_throttled_once_ranks_with_a_mark() -> None:
    results, standings = conclusion([THROTTLED[0], *[GOOD] * 5])

    assert [row.rank for row in standings.rows] == [1, 2]
    latency = next(one for one in results if one.metric == "latency_s" and one.statistic == "median")
    assert latency.doubt_level is MARK
    assert figure_text(latency).endswith("?")
    (said,) = finding_texts(standings.machines[0], has_warnings=False)
    assert said == "unreliable, marked ?: throttled in 1 of 6 visits (heat) [time, energy]"


def test_swapping_takes_memory_out_of_the_ranking_and_not_time() -> None:
    swapping = [state(swapped_bytes=4096), *[GOOD] * 5]

    assert {row.standing for row in conclusion(swapping, "memory_peak_bytes")[1].rows} == {Standing.REFUSED}
    assert {row.standing for row in conclusion(swapping)[1].rows} == {Standing.RANKED}


def test_what_happens_on_a_gpu_is_no_matter_of_candidates_on_the_processor() -> None:
    shared = [state(gpu={"foreign_process_count": 1})] * 6

    assert {row.standing for row in conclusion(shared)[1].rows} == {Standing.RANKED}
    found = Result(candidate_id="c", agent_id="a", test="t", metric="latency_s", value=1.0)
    machines = agent_machines([StoredMachineState(agent_id="a", round_index=0, state=shared[0])], {})
    (on_gpu,) = doubted([found], machines, [replace(candidate("c"), options={"provider": "CUDA"})])
    assert (on_gpu.doubt_level, on_gpu.doubt) == (REFUSE, "1 other process computed on the GPU")


def test_recomputing_tells_another_verdict_about_a_machine() -> None:
    lines = differences(conclusion([GOOD] * 6), conclusion(THROTTLED), candidates=[], agent_names={"a": "lab"})

    assert "fast on lab: row standing was ranked and is refused" in lines
    wanted = "the finding throttled about lab was absent and is refuse: throttled in 2 of 6 visits (heat)"
    assert wanted in lines


def test_what_is_said_against_energy_is_not_said_where_none_was_measured() -> None:
    machine = agent_machine(findings_of([state(steal_ratio=0.026)]))
    assert all(one.concerns == (ENERGY,) for one in machine.findings if one.level is not WARN)
    assert list(finding_texts(machine, has_warnings=False))
    assert not list(finding_texts(machine, has_warnings=False, has_energy=False))


def agent_machine(findings: tuple[MachineFinding, ...]) -> AgentMachine:
    return AgentMachine(agent_id="a", agent_name="a", state=GOOD, visit_count=1, findings=findings)
