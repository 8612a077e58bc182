"""What `mltest-coordinator agents` says of who uses an agent."""

import io

import pytest
from rich.console import Console

from mltest.coordinator.report.fleet_table import fleet_table
from mltest.shared.domain import AgentUse, FleetAgent

HELD = AgentUse(holder="lab/1234", purpose="job 7, forest.skops", lease_left_ns=43_000_000_000)


def shown(found: FleetAgent) -> str:
    console = Console(file=io.StringIO(), width=400)
    console.print(fleet_table([found]))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (None, "alive"),
        (AgentUse(), "alive"),
        (HELD, "alive, leased by lab/1234 (job 7, forest.skops) for another 43 s"),
        (AgentUse(holder="x", waiting_count=2), "alive, leased by x for another 0 s, 2 waiting"),
        (AgentUse(visit_id="v"), "alive, runs a visit whose lease expired"),
    ],
)
def test_an_agent_says_who_uses_it_and_for_how_long(use: AgentUse | None, text: str) -> None:
    found = FleetAgent(address="h:1", is_alive=True, source="static", use=use)
    assert shown(found).rstrip().endswith(text)


def test_an_agent_that_should_be_looked_after_says_why() -> None:
    found = FleetAgent(address="h:1", is_alive=True, source="static", flag="it died 3 times")
    assert shown(found).rstrip().endswith("alive, flagged: it died 3 times")
