"""What orchestration costs: from submission to the first sample, and the share of time spent measuring."""

import asyncio
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bench.agents import running_agent
from bench.figures import Figure, publish
from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.coordinator.store.store import Store
from mltest.shared.domain import JobSpec, StepStarted, VisitUpdated
from tests.models import ModelFiles, forest_on_digits

COLD_METRICS = ("spawn_ns", "import_ns", "load_ns", "first_call_ns", "early_call_ns")
PLAN = "[job]\nrounds = 3\n"


def main() -> None:
    """Run the same job twice on a warm agent: the first time builds the artifacts, the second time finds them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = forest_on_digits(folder, trees=100)
        with running_agent(folder / "agent") as agent:
            figures = asyncio.run(_run(folder / "home", files, agent.address))
    publish("job", figures)


async def _run(home: Path, files: ModelFiles, address: str) -> list[Figure]:
    api = await open_coordinator(home, needs_to_run=True)
    cold = await _submit(api, files, address)
    warm = await _submit(api, files, address)
    await api.close()
    return [
        Figure(name="first_sample_cold_s", value=cold.first_sample_s, meaning="submit to first sample, nothing built"),
        Figure(name="first_sample_warm_s", value=warm.first_sample_s, meaning="submit to first sample, all built"),
        Figure(
            name="first_sample_of_visits_s",
            value=warm.first_sample_s - warm.matched_s,
            meaning="of that, from the plan of visits to the first sample",
        ),
        *_efficiency(home, warm),
    ]


@dataclass(slots=True)
class _Course:
    """How a job went: seconds since its submission."""

    job_id: str = ""
    matched_s: float = 0.0
    first_sample_s: float = 0.0
    ended_s: dict[str, float] = field(default_factory=dict)
    """End of each visit."""


async def _submit(api: CoordinatorApi, files: ModelFiles, address: str) -> _Course:
    begin = time.perf_counter()
    spec = JobSpec(
        model=await api.put_file(files.model),
        data=(await api.put_file(files.data),),
        plan_toml=PLAN,
        agent_addresses=(address,),
        uses_discovery=False,
        uses_local_agent=False,
    )
    course = _Course(await api.submit(spec))
    async for event in api.watch(course.job_id):
        now_s, body = time.perf_counter() - begin, event.event
        if isinstance(body, StepStarted) and body.step == "measure":
            course.matched_s = now_s
        if isinstance(body, VisitUpdated) and body.value_count and not course.first_sample_s:
            course.first_sample_s = now_s
        if isinstance(body, VisitUpdated) and body.outcome is not None:
            course.ended_s[body.visit_id] = now_s
    return course


def _efficiency(home: Path, course: _Course) -> list[Figure]:
    with closing(Store(home)) as store:
        attempts = store.visits.attempts(course.job_id)
        series = [stored.series for stored in store.visits.series(course.job_id)]
    wall_s = max(course.ended_s.values()) - course.matched_s
    slices_s = sum(attempt.ended.measuring_ns for attempt in attempts if attempt.ended) / 1e9
    cold_s = sum(sum(one.values) for one in series if one.metric in COLD_METRICS) / 1e9
    return [
        Figure(name="wall_s", value=wall_s, meaning="from the plan of visits to the end of the last visit"),
        Figure(name="slices_s", value=slices_s, meaning="of that, inside timed slices"),
        Figure(
            name="cold_s", value=cold_s, meaning="of that, starting, importing, loading and calling first, all measured"
        ),
        Figure(
            name="measuring_ratio", value=(slices_s + cold_s) / wall_s, meaning="time measuring / wall time, one agent"
        ),
    ]


if __name__ == "__main__":
    main()
