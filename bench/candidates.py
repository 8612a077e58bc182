"""Every candidate of one forest in one job: how much faster than scikit-learn, and than the tools of others."""

import argparse
import asyncio
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.agents import running_agent
from bench.candidate_figures import Race, figures_of, missing_rivals
from bench.figures import publish
from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.coordinator.job.evidence import read_evidence
from mltest.coordinator.store.store import Store
from mltest.shared.domain import CandidateUpdated, JobSpec, StepStarted, VisitUpdated
from tests.models import ModelFiles, forest_on_noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How large the job is."""

    trees: int = 64
    depth: int = 10
    rows: int = 10_000
    """Of the validation data, and of the large calls."""
    rounds: int = 8
    slices: int = 12
    warmup_s: float = 0.1
    name: str = "candidates"
    """Of the file with the figures."""

    @property
    def plan(self) -> str:
        """The plan: every candidate of the model as submitted, one thread, calls with one row and with all."""
        latency = (
            f"{{batch_sizes = [1, {self.rows}], slice_count = {self.slices}, slice_s = 0.0125, "
            f"warmup_s = {self.warmup_s}}}"
        )
        return f"""
[job]
rounds = {self.rounds}
step_timeout_s = 600
visit_timeout_s = 14400
build_timeout_s = 1200
[candidates]
threads = [1]
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {latency}
[[tests]]
module = "mltest.coordinator.tests.quality"
class = "ClassificationQuality"
[[tests]]
module = "mltest.coordinator.tests.agreement"
class = "Agreement"
[[tests]]
module = "mltest.coordinator.tests.size"
class = "Size"
"""


SHORT = Form(trees=8, depth=4, rows=200, rounds=2, slices=2, warmup_s=0.01, name="candidates_short")
"""Whether everything works; its figures mean nothing."""


def main() -> None:
    """Run the job on a warm agent of this machine, with every runtime that is here."""
    parser = argparse.ArgumentParser(prog="python -m bench.candidates", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a small forest and two rounds: does it work?")
    form = SHORT if parser.parse_args().short else Form()
    with tempfile.TemporaryDirectory() as name:
        race = measured(Path(name), form)
    publish(form.name, figures_of(race, large=form.rows))
    for tool in missing_rivals(race):
        print(f"  no candidate of {tool} took part")


def measured(folder: Path, form: Form) -> Race:
    """Return what a job of a forest in `form` measured, whose files lie in `folder`."""
    files = forest_on_noise(folder, trees=form.trees, depth=form.depth, rows=form.rows)
    with running_agent(folder / "agent") as agent:
        return asyncio.run(_run(folder / "home", files, agent.address, form))


async def _run(home: Path, files: ModelFiles, address: str, form: Form) -> Race:
    api = await open_coordinator(home, needs_to_run=True)
    spec = JobSpec(
        model=await api.put_file(files.model),
        data=(await api.put_file(files.data),),
        plan_toml=form.plan,
        agent_addresses=(address,),
        uses_discovery=False,
        uses_local_agent=False,
    )
    job_id = await api.submit(spec)
    await _follow(api, job_id)
    results = await api.results(job_id)
    await api.close()
    with closing(Store(home)) as store:
        evidence = read_evidence(store, job_id)
    assert evidence is not None
    return Race(results=results, samples={one.candidate_id: one for one in evidence.samples})


async def _follow(api: CoordinatorApi, job_id: str) -> None:
    """Say how far the job is, until it ends."""
    async for event in api.watch(job_id):
        match event.event:
            case StepStarted(text=text):
                print(text, flush=True)
            case CandidateUpdated(candidate=one) if one.reason:
                print(f"  no candidate {one.label}: {one.reason}")
            case VisitUpdated(outcome=outcome, round_index=number) if outcome is not None:
                print(f"  round {number + 1}: {outcome.value}", flush=True)


if __name__ == "__main__":
    main()
