"""What was timed under an emulator is never ranked, and shows no speed-up."""

from mltest.coordinator.analysis.machines import worst_class
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.shared.domain import MachineClass, Standing
from tests.unit.coordinator.analysis.test_standings import summary
from tests.unit.coordinator.evidence import timed

SAMPLES = [
    timed(candidate_id, agent_id, call_ns, seed=1, round_count=3)
    for candidate_id, call_ns in (("native", 20_000), ("fast", 10_000))
    for agent_id in ("real", "played")
]


def test_an_emulated_machine_is_the_worst_there_is() -> None:
    assert worst_class(MachineClass) is MachineClass.EMULATED


def test_only_candidates_on_real_machines_are_ranked_by_their_times() -> None:
    classes = {"played": MachineClass.EMULATED, "real": MachineClass.SHARED}
    rows = summary(SAMPLES, agent_ids=("real", "played"), machine_classes=classes).rows
    played = [row for row in rows if row.agent_id == "played" and row.round_count]
    assert len(played) == 2
    assert all(row.standing is Standing.UNMEASURED and row.rank is None and row.speedup is None for row in played)
    assert all("an emulator played the processor" in row.reason for row in played)
    assert [row.candidate_id for row in rows if row.rank] == ["fast", "native"]


def test_what_is_no_time_is_ranked_all_the_same() -> None:
    plan = Plan(rounds=3, objective=Objective(metric="artifact_bytes", statistic="value", batch_size=0))
    rows = summary(SAMPLES, plan=plan, agent_ids=("played",), machine_classes={"played": MachineClass.EMULATED}).rows
    assert {row.candidate_id for row in rows if row.rank} == {"native", "fast"}
