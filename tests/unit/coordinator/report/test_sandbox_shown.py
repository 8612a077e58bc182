"""Where a user meets the sandbox: the fleet, the plan, and what numbers depend on."""

from dataclasses import replace

import pytest

from mltest.agent.probe.describe import sandbox_text
from mltest.coordinator.analysis.measured import environment_of
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.report.fleet_table import fleet_table
from mltest.shared.domain import FleetAgent, SandboxInfo, SandboxLevel, VisitStarted
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.job.test_scheduler import AGENT
from tests.unit.coordinator.report.test_report import screen

WEAK = SandboxInfo(level=SandboxLevel.DEGRADED, reason="not stopped: UDP", walls=("landlock 4", "rlimits"))


def started(sandbox: SandboxInfo) -> VisitStarted:
    return VisitStarted(visit_id="v", attempt=1, agent_id="a", started_unix_ns=1, sandbox=sandbox)


def test_the_fleet_shows_each_sandbox_with_its_reason() -> None:
    fleet = [
        FleetAgent(address="a:1", is_alive=True, source="static", agent=replace(AGENT, sandbox=WEAK)),
        FleetAgent(address="b:1", is_alive=True, source="static", agent=AGENT),
    ]
    text = screen(fleet_table(fleet), 200)
    assert "degraded: not stopped: UDP" in text and "?" in text


def test_a_machine_describes_its_sandbox_with_its_walls() -> None:
    assert sandbox_text(WEAK) == "degraded (landlock 4, rlimits): not stopped: UDP"


def test_a_plan_names_a_level_that_exists() -> None:
    plan = parse_plan('[agents]\nmin_sandbox = "full"\n')
    assert plan.min_sandbox == "full"
    assert parse_plan(plan_toml(plan)) == plan
    with pytest.raises(PlanInvalidError, match="one of none, degraded, full"):
        parse_plan('[agents]\nmin_sandbox = "best"\n')


@pytest.mark.promise(24)
def test_numbers_depend_on_the_walls_that_stood_where_they_are_known() -> None:
    found = environment_of(AGENT, [(started(WEAK), None), (started(WEAK), None)])
    assert found["sandbox"] == "landlock 4, rlimits"
    assert "sandbox" not in environment_of(AGENT, [(started(SandboxInfo()), None)])
