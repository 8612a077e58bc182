"""Whether a machine drifted: claimed where it did, and hardly ever where it did not."""

import math
import random
from dataclasses import replace

import pytest

from mltest.coordinator.analysis.drift_text import drift_notes, drift_text
from mltest.coordinator.analysis.machines import agent_machines
from mltest.coordinator.analysis.speed import CheckedSpeed, drifts, speed_drift
from mltest.coordinator.report.machine_text import machine_text
from mltest.shared.domain import AgentMachine, MachineClass, MachineState, SpeedCheck, SpeedProcess

STATE = MachineState(
    machine_class=MachineClass.DEDICATED, foreign_load_ratio=0.0, steal_ratio=0.0, canary_cv_ratio=0.01
)
TIMES_NS = {"integer": 270_000, "float": 140_000, "memory": 500_000}


def check(generator: random.Random, *, deviation: float = 0.01, **factors: float) -> SpeedCheck:
    """Return a check whose processes spread by `deviation`, with parts that take `factors` times as long."""
    processes = tuple(
        SpeedProcess(
            cpu=index % 2,
            part_ns={
                name: round(ns * factors.get(name, 1.0) * math.exp(generator.gauss(0, deviation)))
                for name, ns in TIMES_NS.items()
            },
        )
        for index in range(6)
    )
    return SpeedCheck(work="c 1", checked_unix_ns=1, processes=processes)


def test_a_machine_that_stays_as_it_was_is_hardly_ever_said_to_drift() -> None:
    generator = random.Random(1)
    for deviation in (0.002, 0.05, 0.2):
        said = [
            drift.is_drifted
            for _ in range(400)
            if (drift := speed_drift(check(generator, deviation=deviation), check(generator, deviation=deviation)))
        ]
        assert len(said) == 400
        assert sum(said) <= 0.07 * len(said)


@pytest.mark.parametrize("part", TIMES_NS)
@pytest.mark.parametrize("factor", [1.10, 0.90])
def test_a_machine_whose_work_takes_ten_per_cent_more_or_less_has_drifted(part: str, factor: float) -> None:
    generator = random.Random(2)
    for _ in range(50):
        drift = speed_drift(check(generator), check(generator, **{part: factor}))
        assert drift is not None
        assert drift.is_drifted
        (changed,) = [one for one in drift.parts if one.part == part]
        assert changed.ratio == pytest.approx(factor, rel=0.03)


def test_a_small_change_is_told_and_not_called_drift() -> None:
    generator = random.Random(3)
    drift = speed_drift(check(generator, deviation=0.001), check(generator, deviation=0.001, memory=1.03))
    assert drift is not None
    assert not drift.is_drifted
    assert "no drift" in drift_text(drift)
    assert "memory 500 µs to 515 µs, +3" in drift_text(drift)


def test_what_cannot_be_compared_says_why() -> None:
    one = check(random.Random(4))
    other_cpu = replace(one, processes=tuple(replace(found, cpu=9) for found in one.processes))
    for after, reason in (
        (None, "not checked again"),
        (replace(one, work="c 2"), "c 1, then c 2"),
        (other_cpu, "other"),
    ):
        drift = speed_drift(one, after)
        assert drift is not None
        assert not drift.is_drifted
        assert reason in drift.reason
    assert speed_drift(None, None) is None


def test_one_process_claims_nothing() -> None:
    one = check(random.Random(5))
    single = replace(one, processes=one.processes[:1])
    slower = replace(single, processes=(SpeedProcess(cpu=0, part_ns={name: 9 * ns for name, ns in TIMES_NS.items()}),))
    drift = speed_drift(single, slower)
    assert drift is not None
    assert not drift.is_drifted


def test_a_drifted_machine_is_on_the_screen_with_the_figure() -> None:
    generator = random.Random(6)
    checked = CheckedSpeed(before=check(generator), after=check(generator, memory=1.2))

    class Visit:
        agent_id, state = "a", STATE

    (machine,) = agent_machines([Visit()], {"a": "lab-3"}, drifts({"a": checked}))
    (note,) = drift_notes([machine])
    assert note.startswith("drifted: the machine of lab-3")
    assert "memory 50" in note
    assert "integer" not in note
    assert "speed check: drifted" in machine_text(machine)


def test_a_machine_that_was_not_checked_says_nothing() -> None:
    machine = AgentMachine(agent_id="a", agent_name="lab-3", visit_count=1, state=STATE)
    assert list(drift_notes([machine])) == []
    assert "speed" not in machine_text(machine)
