"""A screened job with real models and processes, stopped in the middle of its screening."""

from pathlib import Path

import pytest

from mltest.coordinator.home import open_coordinator
from mltest.coordinator.planning.screening import SCREEN_ROUNDS
from mltest.shared.domain import JobNote, JobState, StepStarted, VisitUpdated
from tests.integration.jobs import all_events, events_until, job_spec, of_kind
from tests.models import forest_on_digits
from tests.processes import ProcessGroup

pytestmark = pytest.mark.long

PLAN = """
[job]
profile = "quick"
screen = "yes"
half_width_ratio = 0.5
row_cap = 200
[candidates]
runtimes = ["scikit-learn", "onnxruntime", "treelite"]
transforms = ["none", "prune-cost-complexity=1/2"]
only = ["scikit-learn*", "onnxruntime*", "treelite*"]
[gate]
lossy_max_differing_ratio = 1.0
lossy_max_quality_loss = 1.0
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {batch_sizes = [1], slice_count = 8, slice_s = 0.005, warmup_s = 0.02}
"""
OUT = "scikit-learn, prune-cost-complexity 1/2"


async def test_who_is_certainly_slower_gets_no_further_round_and_stays_in_the_table(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    files = forest_on_digits(tmp_path, trees=50)
    agent = processes.agent(
        tmp_path / "agent", "--no-advertise", "--port", "0", runtimes="scikit-learn,onnxruntime,treelite"
    )
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    job_id = await api.submit(await job_spec(api, files, agent.address, plan=PLAN))
    stopped = await events_until(
        api, job_id, lambda event: isinstance(event.event, VisitUpdated) and event.event.round_index == 2
    )
    await api.cancel(job_id)
    await all_events(api, job_id)
    await api.resume(job_id)
    events = await all_events(api, job_id)
    results = await api.results(job_id)
    again = await api.recompute(job_id, keeps=False)
    rounds: dict[str, set[int]] = {}
    async for found in api.samples(job_id):
        if found.series.metric == "latency_ns":
            rounds.setdefault(found.series.candidate_id, set()).add(found.round_index)
    await api.close()

    assert results.job.state is JobState.DONE
    assert [step.step for step in of_kind(stopped, StepStarted)][-3:] == ["screen", "match", "measure"]
    assert [step.step for step in of_kind(events, StepStarted)].count("evaluate") == 1, "between, and nothing is left"
    labels = {one.label: one.candidate_id for one in results.candidates}
    assert len(rounds[labels[OUT]]) == SCREEN_ROUNDS
    for label in ("scikit-learn", "onnxruntime"):
        assert len(rounds[labels[label]]) >= SCREEN_ROUNDS + 6, "the fastest goes on, and the baseline"
    row = next(row for row in results.standings.rows if row.label == OUT)
    assert row.rank is not None
    assert row.speedup is not None
    assert any(remark.startswith("screened out: after 5 rounds") for remark in row.remarks)
    assert any(OUT in note.text for note in of_kind(events, JobNote))
    assert again.differences == ()
