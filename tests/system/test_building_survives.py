"""A coordinator that is killed while it builds and measures: nothing is built twice, every visit counts once."""

import json
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mltest.coordinator.home import open_coordinator
from mltest.coordinator.job.reference import REFERENCE_ID
from mltest.coordinator.store.store import STORE_FILE_NAME
from mltest.shared.domain import JobState
from tests.models import forest_on_digits
from tests.processes import BIN, ProcessGroup

PROGRAM = str(BIN / "mltest-coordinator")
ROUNDS, SLICES = 2, 3
PLAN = """
[job]
rounds = {rounds}
row_cap = 200
[candidates]
runtimes = [{runtimes}]
transforms = ["none", "prune-cost-complexity={sizes}"]
only = ["scikit-learn*", "onnxruntime*", "treelite*"]
[gate]
lossy_max_differing_ratio = 1.0
lossy_max_quality_loss = 1.0
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {{batch_sizes = [1], slice_count = {slices}, slice_s = 0.002, warmup_s = 0.005}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How large the job is."""

    trees: int
    runtimes: tuple[str, ...]
    shares: int
    """Sizes of the pruned models: one half, one third, ..."""
    kills: int
    """While candidates are built, and as often while they are measured if there are rounds enough."""
    least_measured: int

    @property
    def plan(self) -> str:
        """The plan of the job."""
        sizes = ",".join(f"1/{share}" for share in range(2, 2 + self.shares))
        runtimes = ", ".join(f'"{name}"' for name in self.runtimes)
        return PLAN.format(rounds=ROUNDS, runtimes=runtimes, sizes=sizes, slices=SLICES)


FEW = Form(trees=5, runtimes=("onnxruntime",), shares=2, kills=1, least_measured=3)
MANY = Form(trees=64, runtimes=("scikit-learn", "onnxruntime", "treelite"), shares=13, kills=4, least_measured=40)


def run_until(begins: str, count: int, command: Sequence[str]) -> bool:
    """Run until `count` lines of its progress begin so, then kill; return whether it ended before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    seen = 0
    for line in process.stderr:
        seen += line.strip().startswith(begins)
        if seen == count:
            process.kill()
            break
    process.stderr.close()
    return process.wait() == 0


def built(home: Path) -> Mapping[str, int]:
    """Return when each artifact was made, by its recipe."""
    with sqlite3.connect(home / STORE_FILE_NAME) as store:
        return dict(store.execute("SELECT recipe_key, made_unix_ns FROM artifact_cache").fetchall())


def submitted(home: Path, *arguments: str) -> Any:
    """Run a verb to its end and return what it prints as JSON."""
    done = subprocess.run([PROGRAM, *arguments, "--state-dir", str(home), "--json"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "form", [pytest.param(FEW, id="a few"), pytest.param(MANY, id="more than forty", marks=pytest.mark.long)]
)
async def test_a_killed_job_builds_nothing_twice_and_measures_every_round_once(
    form: Form, processes: ProcessGroup, tmp_path: Path
) -> None:
    home, plan = tmp_path / "home", tmp_path / "plan.toml"
    files = forest_on_digits(tmp_path, trees=form.trees)
    plan.write_text(form.plan)
    offered = ",".join(form.runtimes)
    agent = processes.agent(tmp_path / "agent", "--port", "0", "--no-advertise", runtimes=offered)
    submission = ["submit", str(files.model), "--data", str(files.data), "--plan", str(plan)]
    reached = ["--no-discovery", "--agent", agent.address]
    step = max(2, form.least_measured // (form.kills + 1))

    assert not run_until("candidate ", step, [PROGRAM, *submission, *reached, "--state-dir", str(home)])
    (job,) = submitted(home, "jobs")
    resumption = [PROGRAM, "resume", job["job_id"], "--state-dir", str(home)]
    made = built(home)
    assert 0 < len(made) < form.least_measured, "killed in the middle of building"
    for _ in range(form.kills - 1):
        assert not run_until("candidate ", step, resumption), "it tells what is made now, and not what was made before"
        assert built(home).items() > made.items(), "what was built is not built again, and more is built"
        made = built(home)
    assert not run_until("round ", 1, resumption)
    everything = built(home)
    assert everything.items() >= made.items()
    submitted(home, "resume", job["job_id"])

    assert built(home) == everything, "what was built is not built again, and nothing is left to build"
    await _check_counts(home, job["job_id"], form)
    plan.write_text(form.plan.replace(f"rounds = {ROUNDS}", "rounds = 1"))
    again = submitted(home, *submission, *reached)
    assert again["job"]["state"] == "done"
    assert built(home) == everything, "the same model submitted twice converts nothing twice"


async def _check_counts(home: Path, job_id: str, form: Form) -> None:
    """Fail unless every candidate has exactly its slices in every round."""
    api = await open_coordinator(home, needs_to_run=False)
    assert (await api.job(job_id)).state is JobState.DONE
    counted: Counter[tuple[int, str]] = Counter()
    async for found in api.samples(job_id):
        if found.series.metric == "latency_ns":
            counted[found.round_index, found.series.candidate_id] += 1
    results = await api.results(job_id)
    await api.close()
    measured = {candidate for _, candidate in counted} - {REFERENCE_ID}
    assert len(measured) >= form.least_measured
    assert counted == {(number, one): SLICES for number in range(ROUNDS) for one in (*measured, REFERENCE_ID)}
    ranked = {row.candidate_id for row in results.standings.rows if row.rank is not None}
    assert ranked >= measured - {REFERENCE_ID}
