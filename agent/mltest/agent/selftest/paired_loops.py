"""Loops over the same calls that take turns in slices, in random order, so that the machine meets all of them alike."""

import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from statistics import median

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.models import Model, candidate_of
from mltest.agent.visit.worker_variables import worker_variables
from mltest.agent.worker.candidate_frame import candidate_to_frame
from mltest.shared.children.child import Child, ChildLimits
from mltest.shared.children.frames import Frame
from mltest.shared.statistics.paired import Effect, effect_of

SLICE_NS = 12_500_000
_MODULE = "mltest.agent.selftest.fidelity_child"
_TIMEOUT_S = 120.0

Loop = Callable[[], Awaitable[float]]
"""Times one slice and returns the time of a call in ns."""


async def paired_logs(
    loops: Mapping[str, Loop], ours: str, sweep_count: int, generator: random.Random
) -> dict[str, float]:
    """Return the median over sweeps of log(ours / other) for each other loop; in each sweep, each has one slice."""
    logs: dict[str, list[float]] = {name: [] for name in loops if name != ours}
    for _ in range(sweep_count):
        times = {name: await loops[name]() for name in generator.sample(sorted(loops), len(loops))}
        for name, found in logs.items():
            found.append(math.log(times[ours] / times[name]))
    return {name: median(found) for name, found in logs.items()}


async def opened(
    stack: AsyncExitStack, bench: Bench, model: Model, batch_size: int, metric: str
) -> tuple[Child, Frame]:
    """Open a model in a fresh process, which ends with `stack`; return it and what it says of the calls."""
    child = await Child.spawn(
        _MODULE, folder=bench.folder, limits=ChildLimits(), environment=worker_variables(threads=1)
    )
    stack.push_async_callback(child.kill)
    frame = {
        "command": "open",
        "candidate": candidate_to_frame(candidate_of(model, bench.sha256(model.path), "a")),
        "artifact": str(model.path),
        "dataset": str(bench.models.folder / "rows.npz"),
        "batch_size": batch_size,
        "metric": metric,
    }
    return child, await asked(child, frame)


async def asked(child: Child, frame: Frame) -> Frame:
    """Return the answer of a child to one command."""
    return await child.request(frame, timeout_s=_TIMEOUT_S, what=str(frame["command"]))


def loop_of(child: Child, command: str, figure: str) -> Loop:
    """Return a loop that is one command of a child, whose answer has the time of a call as `figure`."""

    async def loop() -> float:
        return float((await asked(child, {"command": command, "slice_ns": SLICE_NS}))[figure])

    return loop


def effects_of(logs: Mapping[str, Sequence[float]]) -> dict[str, Effect]:
    """Return what the rounds say together; a loop without any is left out."""
    found = {name: effect_of(some) for name, some in logs.items()}
    return {name: effect for name, effect in found.items() if effect is not None}


def deviation(name: str, effect: Effect, bar: Bar, meaning: str) -> Finding:
    """Return by how much two loops differ."""
    interval = effect.interval
    return Finding(
        name=name,
        value=abs(effect.ratio - 1),
        meaning=f"|ratio - 1|, interval of ratio - 1: {meaning}",
        bar=bar,
        low=interval.low - 1 if interval else None,
        high=interval.high - 1 if interval else None,
        of_count=len(effect.logs),
    )


def ratio(meaning: str, effect: Effect) -> Finding:
    """Return the ratio of two loops."""
    interval = effect.interval
    return Finding(
        name="ratio",
        value=effect.ratio,
        meaning=meaning,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        of_count=len(effect.logs),
    )


def round_count(bench: Bench) -> int:
    """Return how many fresh processes there are of each."""
    return 2 if bench.options.is_shortest else 4 if bench.options.is_quick else 10


def sweep_count(bench: Bench) -> int:
    """Return how many slices each loop has in a process."""
    return 4 if bench.options.is_shortest else 24
