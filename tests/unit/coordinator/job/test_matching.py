"""Which agents and candidates fit together."""

from dataclasses import replace

import pytest

from mltest.coordinator.job.matching import agent_exclusion, match, mismatch
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import SandboxInfo, SandboxLevel
from tests.unit.coordinator.job.test_scheduler import AGENT, NATIVE, others


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan(), ""),
        (Plan(agent_names=("lab-*",), agent_tags=("arm",)), ""),
        (Plan(agent_names=("jetson", "rack-?")), "the plan chooses only agents named jetson, rack-?"),
        (Plan(agent_tags=("arm", "gpu")), "the plan chooses only agents with tag gpu"),
    ],
)
def test_a_plan_chooses_agents_by_name_and_tag(plan: Plan, reason: str) -> None:
    assert agent_exclusion(AGENT, plan) == reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runtime": "treelite", "format": "treelite-checkpoint"}, "treelite is not installed"),
        ({"runtime": "tensorrt"}, "does not know the runtime tensorrt"),
        ({"format": "onnx"}, "scikit-learn on agent lab-1 does not take onnx"),
        ({"format": "pickle"}, "start it with mltest-agent serve --allow-pickle"),
    ],
)
def test_a_candidate_that_an_agent_cannot_run_has_a_reason(change: dict[str, str], words: str) -> None:
    found = mismatch(replace(NATIVE, **change), AGENT)  # type: ignore[arg-type]

    assert found is not None
    assert words in found.reason


def test_a_candidate_that_an_agent_can_run_has_none() -> None:
    assert mismatch(NATIVE, AGENT) is None
    assert mismatch(replace(NATIVE, format="pickle"), replace(AGENT, allows_pickle=True)) is None


def test_an_agent_takes_part_with_the_candidates_that_it_can_run() -> None:
    foreign = replace(NATIVE, candidate_id="foreign", runtime="tensorrt")
    found = match(AGENT, [NATIVE, foreign, *others(1)], Plan())

    assert [candidate.candidate_id for candidate in found.candidates] == ["native", "other0"]
    assert [one.candidate_id for one in found.mismatches] == ["foreign"]
    assert found.exclusion == ""


def test_an_agent_that_can_run_nothing_is_excluded_with_each_reason_once() -> None:
    foreign = [replace(NATIVE, candidate_id=str(number), runtime="tensorrt") for number in range(3)]
    found = match(AGENT, foreign, Plan())

    assert found.candidates == ()
    assert found.exclusion == "agent lab-1 does not know the runtime tensorrt"


def test_an_agent_that_the_plan_does_not_choose_is_asked_for_nothing() -> None:
    found = match(AGENT, [NATIVE], Plan(agent_names=("other",)))

    assert (found.candidates, found.mismatches) == ((), ())
    assert found.exclusion


@pytest.mark.parametrize(
    ("level", "wanted", "reason"),
    [
        (SandboxLevel.FULL, "full", ""),
        (SandboxLevel.NONE, "none", ""),
        (SandboxLevel.DEGRADED, "degraded", ""),
        (
            SandboxLevel.DEGRADED,
            "full",
            "the plan wants a sandbox that is at least full, and the one there is degraded (not stopped: UDP)",
        ),
        (
            SandboxLevel.UNSPECIFIED,
            "degraded",
            "the plan wants a sandbox that is at least degraded, and the one there is unknown (not stopped: UDP)",
        ),
    ],
)
@pytest.mark.promise(22)
def test_a_plan_may_refuse_agents_with_a_weak_sandbox(level: SandboxLevel, wanted: str, reason: str) -> None:
    agent = replace(AGENT, sandbox=SandboxInfo(level=level, reason="not stopped: UDP"))
    assert agent_exclusion(agent, Plan(min_sandbox=wanted)) == reason
