"""agree and native: what the agent's loops say, against other people's loops over the same calls in the same run.

The loops take turns in slices, in random order, so that the machine meets all of them alike; each round has fresh
processes.
"""

import math
import os
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from mltest.agent.host.machine_watch import MachineWatch
from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.models import Model, candidate_of
from mltest.agent.selftest.native_program import NativeInput, NativeProgram, compiled
from mltest.agent.visit.worker_variables import worker_variables
from mltest.agent.worker.candidate_frame import candidate_to_frame
from mltest.shared.child import Child, ChildLimits
from mltest.shared.domain import MachineClass
from mltest.shared.errors import MltestError
from mltest.shared.frames import Frame
from mltest.shared.statistics.paired import Effect, effect_of

SLICE_NS = 12_500_000
_MODULE = "mltest.agent.selftest.fidelity_child"
_TIMEOUT_S = 120.0
_SHORTEST_CALL_NS = 5000

_AGREE = (("forest", "treelite", 1), ("forest", "onnxruntime", 16), ("network", "scikit-learn", 1))
_NATIVE = ("forest", "treelite", 4)
_NATIVE_PAIRS = 4
"""For each round elsewhere: some processes have their libraries in places that cost 8 % (decision 31)."""

Loop = Callable[[], Awaitable[float]]
"""Times one slice and returns the time of a call in ns."""


async def agree(bench: Bench) -> list[Finding]:
    """Compare the mean of single calls with timeit and pyperf."""
    tools = ("timeit", "pyperf") if find_spec("pyperf") else ("timeit",)
    effects: dict[str, Effect] = {}
    watch = MachineWatch()
    watch.begin(())
    for model, batch_size in bench.subjects(_AGREE[:1] if bench.options.is_shortest else _AGREE):
        found = await _python_effects(bench, model, batch_size, tools)
        effects |= {f"{model.key}, {batch_size} rows, {tool}": effect for tool, effect in found.items()}
        bench.say(f"agree: {model.key}")
    if not effects:
        return [
            Finding(name="fidelity_python_ratio", value=None, meaning="no call was long enough", bar=Bar(high=0.07))
        ]
    machine = watch.end(()).machine_class
    missing = "" if "pyperf" in tools else "; pyperf is not installed (pip install 'mltest-fleet[selftest]')"
    worst = max(effects, key=lambda name: abs(effects[name].ratio - 1))
    return [
        _deviation(
            "fidelity_python_ratio",
            effects[worst],
            python_bar(machine),
            f"mean of single calls / {worst} ({machine.value} machine){missing}",
        ),
        *(_ratio(f"mean of single calls / {name}", effect) for name, effect in effects.items()),
    ]


def python_bar(machine_class: MachineClass) -> Bar:
    """Return how close to other tools the loop has to be: closer where nothing else runs."""
    return Bar(high=0.02 if machine_class is MachineClass.DEDICATED else 0.07)


async def native(bench: Bench) -> list[Finding]:
    """Compare the agent's native loop with a C program that has its own."""
    name, bar = "fidelity_native_ratio", Bar(high=0.03)
    model = bench.models.get(*_NATIVE[:2])
    if model is None:
        reason = bench.models.left_out.get(_NATIVE[1], "it could not be made")
        return [Finding(name=name, value=None, meaning=f"{_NATIVE[1]}: {reason}", bar=bar)]
    try:
        effect = await _native_effect(bench, model, _NATIVE[2])
    except MltestError as error:
        return [Finding(name=name, value=None, meaning=error.message, bar=bar)]
    meaning = f"native calls / the same calls in a C program of its own ({model.key})"
    return [_deviation(name, effect, bar, meaning), _ratio(meaning, effect)]


async def _python_effects(bench: Bench, model: Model, batch_size: int, tools: Sequence[str]) -> dict[str, Effect]:
    logs: dict[str, list[float]] = {tool: [] for tool in tools}
    for number in range(_round_count(bench)):
        async with AsyncExitStack() as stack:
            child, opened = await _opened(stack, bench, model, batch_size, "latency_ns")
            if opened["call_ns"] < _SHORTEST_CALL_NS:
                return {}
            loops = {command: _mean_loop(child, command) for command in ("slice", *tools)}
            found = await paired_logs(loops, "slice", _sweep_count(bench), random.Random(number))
            for tool in tools:
                logs[tool].append(found[tool])
    return _effects(logs)


async def _native_effect(bench: Bench, model: Model, batch_size: int) -> Effect:
    program = await compiled(bench.folder)
    logs: list[float] = []
    for number in range(_NATIVE_PAIRS * _round_count(bench)):
        async with AsyncExitStack() as stack:
            stack.enter_context(on_one_cpu(random.Random(number)))
            child, opened = await _opened(stack, bench, model, batch_size, "native_latency_ns")
            given = NativeInput(
                library=_treelite_library(),
                model=model.path,
                rows=bench.folder / "prepared.bin",
                dtype=opened["dtype"],
                row_bytes=20 * (8 if opened["dtype"] == "float64" else 4),
                row_count=1024,
                batch_size=batch_size,
                output_bytes=opened["output_bytes"],
            )
            other = await NativeProgram.start(program, given)
            stack.push_async_callback(other.end)
            loops: dict[str, Loop] = {"slice": _median_loop(child), "program": partial(other.median_ns, SLICE_NS)}
            found = await paired_logs(loops, "slice", _sweep_count(bench), random.Random(number))
            logs.append(found["program"])
    return _effects({"program": logs})["program"]


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


async def _opened(
    stack: AsyncExitStack, bench: Bench, model: Model, batch_size: int, metric: str
) -> tuple[Child, Frame]:
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
    return child, await child.request(frame, timeout_s=_TIMEOUT_S, what="opening a model")


@contextmanager
def on_one_cpu(generator: random.Random) -> Iterator[None]:
    """Start processes of this block on one CPU: two programs that take turns stay where they are, and CPUs differ."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {generator.choice(sorted(allowed))})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _mean_loop(child: Child, command: str) -> Loop:
    async def loop() -> float:
        answer = await child.request({"command": command, "slice_ns": SLICE_NS}, timeout_s=_TIMEOUT_S, what=command)
        return float(answer["mean_ns"])

    return loop


def _median_loop(child: Child) -> Loop:
    async def loop() -> float:
        answer = await child.request({"command": "slice", "slice_ns": SLICE_NS}, timeout_s=_TIMEOUT_S, what="a slice")
        return float(answer["median_ns"])

    return loop


def _treelite_library() -> Path:
    """Return where treelite keeps its library, without importing it."""
    spec = find_spec("treelite")
    if spec is None or spec.origin is None:
        raise MltestError("treelite is not installed; pip install 'mltest-fleet[selftest]'")
    return Path(spec.origin).parent / "lib" / "libtreelite.so"


def _effects(logs: Mapping[str, Sequence[float]]) -> dict[str, Effect]:
    found = {name: effect_of(some) for name, some in logs.items()}
    return {name: effect for name, effect in found.items() if effect is not None}


def _deviation(name: str, effect: Effect, bar: Bar, meaning: str) -> Finding:
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


def _ratio(meaning: str, effect: Effect) -> Finding:
    interval = effect.interval
    return Finding(
        name="ratio",
        value=effect.ratio,
        meaning=meaning,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        of_count=len(effect.logs),
    )


def _round_count(bench: Bench) -> int:
    return 2 if bench.options.is_shortest else 4 if bench.options.is_quick else 10


def _sweep_count(bench: Bench) -> int:
    return 4 if bench.options.is_shortest else 24
