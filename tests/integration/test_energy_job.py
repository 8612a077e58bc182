"""A whole job on a machine whose counter another process keeps: from submitting to joules in the table, and again."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi, StoredEnergy
from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import FIRST_ENERGY_ROUND, Basis, Change, JobEvent, JobResults, JobState, Result, VisitUpdated
from tests.energy import watching_feeder
from tests.integration.jobs import ONE_ROUND, all_events, events_until, job_spec
from tests.machines.energy_trees import INTEL_RANGE_UJ, cpuinfo, write_tree, zones
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running

IDLE_W, LOAD_W = 15.0, 45.0
COUNTER = "sys/class/powercap/intel-rapl:0/energy_uj"
ROUNDS = 7
"""Two more than an error bar takes: on a busy machine the feeder may come late."""
ENERGY = f"""
[[tests]]
module = "mltest.coordinator.tests.energy"
class = "Energy"
params = {{max_window_s = 0.4, rounds = {ROUNDS}, warmup_s = 0.05}}
"""
PLAN = ONE_ROUND + ENERGY


@contextmanager
def metered_agent(folder: Path, processes: ProcessGroup, *, port: str = "0") -> Iterator[Running]:
    """An agent on a fake machine whose package uses more power while a worker runs; the counter wraps soon."""
    root = write_tree(
        folder / "root", {**cpuinfo("Intel(R) Xeon(R)"), **zones(("intel-rapl:0", "package-0", INTEL_RANGE_UJ))}
    )
    start_uj = INTEL_RANGE_UJ - 20_000_000
    (root / COUNTER).write_text(f"{start_uj:<{watching_feeder.DIGITS}d}\n")
    agent = processes.agent(folder / "agent", "--no-advertise", "--port", port, "--machine-root", str(root))
    command = [sys.executable, watching_feeder.__file__, str(root / COUNTER), str(IDLE_W), str(LOAD_W)]
    command += [str(start_uj), str(INTEL_RANGE_UJ), str(agent.process.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as feeder:
        try:
            yield agent
        finally:
            feeder.kill()


def figure(results: JobResults, metric: str) -> Result:
    """Return the one figure of `metric` at the boundary of the table."""
    (found,) = [one for one in results.results if one.metric == metric and not one.label]
    return found


def is_end_of_visit(event: JobEvent) -> bool:
    """Return whether `event` says that a visit has ended."""
    return isinstance(event.event, VisitUpdated) and event.event.outcome is not None


def is_energy_round(event: JobEvent, number: int) -> bool:
    """Return whether `event` says that something of that round of energy has arrived."""
    body = event.event
    return isinstance(body, VisitUpdated) and body.round_index == FIRST_ENERGY_ROUND + number


def is_within(true: float, found: Result) -> bool:
    """Tell whether an error bar holds a value, as it does also where a busy machine let the feeder come late."""
    return found.low is not None and found.high is not None and found.low <= true <= found.high


async def test_a_job_finds_the_joules_of_a_counter_within_their_error_bar(
    api: CoordinatorApi, tiny: ModelFiles, tmp_path: Path, processes: ProcessGroup
) -> None:
    with metered_agent(tmp_path, processes) as agent:
        job_id = await api.submit(await job_spec(api, tiny, agent.address, plan=PLAN))
        await events_until(api, job_id, is_end_of_visit)
        expected_count = (await api.job(job_id)).visits_total
        await all_events(api, job_id)
    results = await api.results(job_id)
    again = await api.recompute(job_id, keeps=False)
    compared = await api.compare(job_id, job_id)

    assert results.job.state is JobState.DONE, results.job.reason
    assert expected_count == results.job.visits_total == 1 + ROUNDS, "rounds of energy are known to come"
    gross, net = figure(results, "gross_energy_j"), figure(results, "net_energy_j")
    for found, true_w in ((gross, LOAD_W), (net, LOAD_W - IDLE_W)):
        assert found.value is not None, found.reason
        assert found.low is not None
        assert found.high is not None
        assert found.window_s is not None
        true_j = true_w * found.window_s / found.call_count
        assert found.low <= true_j <= found.high, (found, true_j)
        assert (found.boundary, found.meter) == ("cpu.package", "rapl-powercap")
        assert 5 <= found.count <= ROUNDS
    for metric, true_w in (("idle_power_w", IDLE_W), ("loaded_idle_power_w", IDLE_W), ("load_power_w", LOAD_W)):
        found = figure(results, metric)
        assert found.value == pytest.approx(true_w, rel=0.05) or is_within(true_w, found), found
    (row,) = results.standings.rows
    assert gross in row.figures
    assert again.differences == ()
    joules = next(one for one in compared.differences if one.metric == "gross_energy_j")
    assert (joules.change, joules.basis, joules.ratio) == (Change.SAME, Basis.PAIRED, 1.0), "by the stored rounds"


@pytest.mark.long
async def test_an_agent_and_a_coordinator_that_end_in_the_middle_lose_one_round_at_most(
    tiny: ModelFiles, tmp_path: Path, processes: ProcessGroup
) -> None:
    with metered_agent(tmp_path, processes) as agent:
        api = await open_coordinator(tmp_path / "home", needs_to_run=True)
        job_id = await api.submit(await job_spec(api, tiny, agent.address, plan=PLAN))
        await events_until(api, job_id, lambda event: is_energy_round(event, 1))
        await api.close()
        agent.kill()
    before = await energy_of(tmp_path / "home", job_id)
    # The counter of the machine goes on from another number, as after a restart, and has one feeder as before.
    with metered_agent(tmp_path, processes, port=agent.address.rpartition(":")[2]):
        api = await open_coordinator(tmp_path / "home", needs_to_run=True)
        await api.resume(job_id)
        await all_events(api, job_id)
        await api.close()
    after = await energy_of(tmp_path / "home", job_id)
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    results = await api.results(job_id)
    await api.close()

    assert results.job.state is JobState.DONE, results.job.reason
    kept = {one.round_index for one in before}
    assert FIRST_ENERGY_ROUND in kept, "the first round had ended"
    assert {one.round_index for one in after} == {FIRST_ENERGY_ROUND + number for number in range(ROUNDS)}
    assert [one for one in after if one.round_index in kept] == before, (
        "what had ended is kept, and nothing added to it"
    )
    assert len({one.recorded.call_count for one in after}) == 1, "every round has as many calls as the first"
    assert figure(results, "gross_energy_j").boundary == "cpu.package"


async def energy_of(home: Path, job_id: str) -> list[StoredEnergy]:
    """Return what a coordinator that has ended had stored of candidates, in rounds that count."""
    api = await open_coordinator(home, needs_to_run=False)
    found = [one async for one in api.energy(job_id) if one.recorded.candidate_id]
    await api.close()
    return found
