"""The long form: a coordinator that is killed again and again, and still every visit counts exactly once."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from mltest.coordinator.home import open_coordinator
from mltest.coordinator.job.reference import REFERENCE_ID
from mltest.shared.domain import JobState
from tests.models import ModelFiles
from tests.processes import BIN, ProcessGroup

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("crashes")]

ROUNDS = 8
PROGRAM = str(BIN / "mltest-coordinator")
BATCH_SIZES, SLICES = 5, 24
"""Of the default plan; the pinned reference has one batch size."""


def run_until_a_round_ends(command: list[str]) -> bool:
    """Run until the next round has ended, then kill; return whether the job ended instead."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip().startswith("round "):
            process.kill()
            break
    process.stderr.close()
    return process.wait() == 0


@pytest.mark.promise(27)
async def test_every_visit_counts_once_however_often_the_coordinator_is_killed(
    forest: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    agent = processes.agent(
        tmp_path / "agent", "--port", "0", "--no-advertise", runtimes="scikit-learn,onnxruntime,treelite"
    )
    submission = ["submit", str(forest.model), "--data", str(forest.data), "--rounds", str(ROUNDS)]
    is_done = run_until_a_round_ends(
        [PROGRAM, *submission, "--state-dir", str(home), "--no-discovery", "--agent", agent.address]
    )
    api = await open_coordinator(home, needs_to_run=False)
    (job,) = await api.jobs()
    await api.close()
    kills = 1
    while not is_done and kills < 4 * ROUNDS:
        is_done = run_until_a_round_ends([PROGRAM, "resume", job.job_id, "--state-dir", str(home)])
        kills += not is_done
    assert is_done
    assert kills >= 3

    api = await open_coordinator(home, needs_to_run=False)
    assert (await api.job(job.job_id)).state is JobState.DONE
    counted: Counter[tuple[int, str]] = Counter()
    async for found in api.samples(job.job_id):
        if found.series.metric == "latency_ns":
            counted[found.round_index, found.series.candidate_id] += 1
    await api.close()
    candidates = {candidate for _, candidate in counted} - {REFERENCE_ID}
    assert len(candidates) >= 3
    assert counted == {
        (number, candidate): SLICES if candidate == REFERENCE_ID else BATCH_SIZES * SLICES
        for number in range(ROUNDS)
        for candidate in (*candidates, REFERENCE_ID)
    }
