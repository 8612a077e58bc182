"""Submits jobs of a small model and follows them."""

from collections.abc import Callable
from typing import TypeVar

from mltest.coordinator.api import CoordinatorApi
from mltest.shared.domain import JobEvent, JobSpec, VisitUpdated
from tests.models import ModelFiles

EventT = TypeVar("EventT")

QUICK_PLAN = """
[job]
rounds = 2
row_cap = 300
agent_return_s = 20
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {batch_sizes = [1], slice_count = 4, slice_s = 0.005, warmup_s = 0.01}
[[tests]]
module = "mltest.coordinator.tests.agreement"
class = "Agreement"
[candidates]
runtimes = ["onnxruntime"]
transforms = ["none"]
skip = ["*, *"]
"""
"""Seconds instead of minutes: one candidate that loads fast and no variant of it, few rows, few slices."""

CANDIDATES = 2
"""That are measured in such a job, the pinned reference among them."""

ONE_ROUND = QUICK_PLAN.replace("rounds = 2", "rounds = 1")
"""For tests that do not ask what several rounds have in common: each round starts every candidate anew."""


def slow_plan(slices: int, *, rounds: int = 1) -> str:
    """Return a plan with so many slices of each candidate in a visit, of 5 ms each."""
    plan = QUICK_PLAN.replace("rounds = 2", f"rounds = {rounds}")
    return plan.replace("slice_count = 4", f"slice_count = {slices}")


SLOW_SLICES = 250
SLOW_PLAN = slow_plan(SLOW_SLICES)
"""A visit that takes so long that something can happen in its middle."""

FOREST_PLAN = QUICK_PLAN.replace('"onnxruntime"', '"scikit-learn", "treelite"')
"""The same with two candidates, for a model of scikit-learn."""


async def job_spec(api: CoordinatorApi, files: ModelFiles, *addresses: str, plan: str = ONE_ROUND) -> JobSpec:
    """Send the files and return what asks for a job on the agents at `addresses` alone."""
    return JobSpec(
        model=await api.put_file(files.model),
        data=(await api.put_file(files.data),),
        plan_toml=plan,
        agent_addresses=addresses,
        uses_discovery=False,
        uses_local_agent=not addresses,
    )


async def events_until(api: CoordinatorApi, job_id: str, is_last: Callable[[JobEvent], bool]) -> list[JobEvent]:
    """Return the job's events up to the first for which `is_last`, or all if there is none."""
    events = []
    async for event in api.watch(job_id):
        events.append(event)
        if is_last(event):
            break
    return events


async def all_events(api: CoordinatorApi, job_id: str) -> list[JobEvent]:
    """Return the job's events once it stands still."""
    return await events_until(api, job_id, lambda event: False)


def of_kind(events: list[JobEvent], kind: type[EventT]) -> list[EventT]:
    """Return what happened of one kind."""
    return [event.event for event in events if isinstance(event.event, kind)]


def is_under_way(event: JobEvent) -> bool:
    """Return whether `event` says that samples arrive."""
    return isinstance(event.event, VisitUpdated) and 0 < event.event.done_ratio < 0.9
