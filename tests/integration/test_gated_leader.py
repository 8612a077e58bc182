"""A job whose fastest candidate is wrong, which is known only when its predictions are compared."""

from pathlib import Path

import pytest

from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobNote, JobState, Standing
from tests.integration.jobs import all_events, job_spec, of_kind
from tests.models import forest_on_digits
from tests.processes import ProcessGroup

pytestmark = pytest.mark.long

PLAN = """
[job]
profile = "quick"
half_width_ratio = 0.002
row_cap = 200
[candidates]
runtimes = ["scikit-learn"]
transforms = ["none", "prune-trees=2", "prune-trees=40"]
only = ["scikit-learn", "*individual*"]
[gate]
lossy_max_differing_ratio = 0.1
lossy_max_quality_loss = 1.0
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {batch_sizes = [1], slice_count = 2, slice_s = 0.02, warmup_s = 0.02}
"""
WRONG = "scikit-learn, prune-trees individual 2"
BEST = "scikit-learn, prune-trees individual 40"


async def test_who_was_eliminated_by_a_wrong_candidate_is_measured_on_and_called_the_best(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    files = forest_on_digits(tmp_path, trees=60)
    agent = processes.agent(tmp_path / "agent", "--no-advertise", "--port", "0", runtimes="scikit-learn")
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    job_id = await api.submit(await job_spec(api, files, agent.address, plan=PLAN))
    events = await all_events(api, job_id)
    results = await api.results(job_id)
    again = await api.recompute(job_id, keeps=False)
    await api.close()

    assert results.job.state is JobState.DONE
    rows = {row.label: row for row in results.standings.rows}
    assert rows[WRONG].standing is Standing.GATED
    assert rows[BEST].rank == 1
    assert not any("certainly slower" in remark for remark in rows[BEST].remarks), "than what is not ranked"
    assert rows[BEST].round_count > 6, "beyond the first look, at which the wrong one had eliminated it"
    notes = [note.text for note in of_kind(events, JobNote) if "is not let pass; further rounds" in note.text]
    assert len(notes) == 1
    assert BEST in notes[0]
    assert again.differences == ()
