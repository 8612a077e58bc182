"""A coordinator killed while it examines a model, after all measuring: what is known stays, the rest is made."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobState, Outcome, StepStarted, VisitUpdated
from tests.integration.jobs import CANDIDATES, ONE_ROUND, all_events, events_until, job_spec, of_kind
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running

DEADLINE_S = 120.0
PLAN = (
    ONE_ROUND
    + """
[[tests]]
module = "mltest.coordinator.tests.dataset_properties"
class = "DatasetProperties"
[[tests]]
module = "mltest.coordinator.tests.robustness"
class = "Noise"
params = {repeats = 1000, sizes = [0.1]}
"""
)
"""The second test works for longer than it takes to notice that the first one has said something."""


@pytest.mark.parametrize(
    "serves_again", [pytest.param(True, id="restarted"), pytest.param(False, id="resumed", marks=pytest.mark.long)]
)
async def test_a_job_killed_while_its_model_is_examined_goes_on_and_does_nothing_twice(
    tiny: ModelFiles, resident: Running, processes: ProcessGroup, tmp_path: Path, serves_again: bool
) -> None:
    home = tmp_path / "home"
    coordinator = processes.coordinator(home, "--port", "0")
    api = await open_coordinator(home, needs_to_run=True)
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=PLAN))
    await events_until(api, job_id, lambda event: getattr(event.event, "step", "") == "examine")
    before = await examined(home)
    coordinator.kill()
    await api.close()
    assert {one["test"] for one in before} == {"dataset"}, "it was killed before the second test had said anything"

    if serves_again:
        processes.coordinator(home, "--port", "0")
    api = await open_coordinator(home, needs_to_run=not serves_again)
    if not serves_again:
        assert (await api.job(job_id)).state is JobState.INTERRUPTED
        await api.resume(job_id)
    events = await all_events(api, job_id)
    found = await api.results(job_id)
    series = [one async for one in api.samples(job_id) if one.series.metric == "latency_ns"]
    await api.close()

    assert found.job.state is JobState.DONE
    steps = [step.step for step in of_kind(events, StepStarted)]
    assert [steps.count(name) for name in ("inspect", "measure")] == [1, 1]
    ends = [(end.round_index, end.attempt, end.outcome) for end in of_kind(events, VisitUpdated) if end.outcome]
    assert ends == [(0, 1, Outcome.OK)]
    assert len(series) == CANDIDATES * 4
    own = [one for one in found.results if one.test == "dataset"]
    keys = [(one.metric, one.statistic, one.label) for one in own]
    assert len(keys) == len(set(keys)) == len(before)
    assert [one.value for one in found.results if one.test == "noise"], "the test that was cut is made"
    assert {one.state.value for one in found.tests if one.name in ("dataset", "noise", "agreement")} == {"done"}


async def examined(home: Path) -> list[dict[str, Any]]:
    """Wait until something is stored about the model and its data, and return it."""
    with sqlite3.connect(f"file:{home / 'store.sqlite'}?mode=ro", uri=True) as database:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                row = database.execute("SELECT results_json FROM evaluation WHERE candidate_id = ''").fetchone()
                if row:
                    return list(json.loads(row[0]))
                await asyncio.sleep(0)
