"""What orchestration costs: from submission to the first sample, and the share of time spent measuring."""

import asyncio
import tempfile
import time
from pathlib import Path

from tests.system.models import ModelFiles, forest_on_digits

from bench.agents import running_agent
from bench.figures import Figure, publish
from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.coordinator.store.store import Store
from mltest.shared.domain import JobSpec, StepStarted, VisitUpdated

PLAN = "[job]\nrounds = 3\n"
AGENTS = 2


def main() -> None:
    """Run the same job twice on warm agents: the first time builds the artifacts, the second time finds them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            running_agent(folder / "left", "--name", "left") as left,
            running_agent(folder / "right", "--name", "right") as right,
        ):
            files = forest_on_digits(folder, trees=100)
            figures = asyncio.run(_run(folder / "home", files, (left.address, right.address)))
    publish("job", figures)


async def _run(home: Path, files: ModelFiles, addresses: tuple[str, ...]) -> list[Figure]:
    api = await open_coordinator(home, needs_to_run=True)
    cold_s, _, _ = await _submit(api, files, addresses)
    warm_s, measure_s, job_id = await _submit(api, files, addresses)
    await api.close()
    figures = [
        Figure(name="first_sample_cold_s", value=cold_s, meaning="submit to first sample, artifacts still to be built"),
        Figure(name="first_sample_warm_s", value=warm_s, meaning="submit to first sample, artifacts built before"),
        Figure(
            name="first_sample_of_visits_s",
            value=measure_s,
            meaning="of that, from the first lease to the first sample",
        ),
    ]
    return [*figures, *_efficiency(home, job_id)]


async def _submit(api: CoordinatorApi, files: ModelFiles, addresses: tuple[str, ...]) -> tuple[float, float, str]:
    begin = time.perf_counter()
    spec = JobSpec(
        model=await api.put_file(files.model),
        data=(await api.put_file(files.data),),
        plan_toml=PLAN,
        agent_addresses=addresses,
        uses_discovery=False,
        uses_local_agent=False,
    )
    job_id = await api.submit(spec)
    first_s = measuring_s = 0.0
    async for event in api.watch(job_id):
        body = event.event
        if isinstance(body, StepStarted) and body.step == "measure":
            measuring_s = time.perf_counter()
        if isinstance(body, VisitUpdated) and body.value_count and not first_s:
            first_s = time.perf_counter()
    return first_s - begin, first_s - measuring_s, job_id


def _efficiency(home: Path, job_id: str) -> list[Figure]:
    store = Store(home)
    visits = {visit.spec.visit_id: visit.agent_id for visit in store.visits.of_job(job_id)}
    figures = []
    for number, agent_id in enumerate(sorted(set(visits.values()))):
        attempts = [attempt for attempt in store.visits.attempts(job_id) if visits[attempt.visit_id] == agent_id]
        measuring_ns = sum(attempt.ended.measuring_ns for attempt in attempts if attempt.ended)
        wall_ns = max(attempt.ended_unix_ns for attempt in attempts) - min(
            attempt.begun_unix_ns for attempt in attempts
        )
        busy_ns = sum(attempt.ended_unix_ns - attempt.begun_unix_ns for attempt in attempts)
        figures += [
            Figure(
                name=f"agent_{number}_measuring_ratio",
                value=measuring_ns / wall_ns,
                meaning="inside timed slices / wall time from its first visit to the end of its last",
            ),
            Figure(
                name=f"agent_{number}_in_visit_ratio",
                value=busy_ns / wall_ns,
                meaning="inside visits (starting and warming up too) / the same wall time",
            ),
        ]
    store.close()
    return figures


if __name__ == "__main__":
    main()
