"""agree: what the agent's loop over single calls says, against timeit and pyperf over the same calls."""

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec

from mltest.agent.host.machine_watch import MachineWatch
from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.models import Model
from mltest.agent.selftest.paired_loops import (
    deviation,
    effects_of,
    loop_of,
    opened,
    paired_logs,
    ratio,
    round_count,
    sweep_count,
)
from mltest.shared.domain import MachineClass
from mltest.shared.statistics.paired import Effect

_SUBJECTS = (("forest", "treelite", 1), ("forest", "onnxruntime", 16), ("network", "scikit-learn", 1))
_SHORTEST_CALL_NS = 5000


async def agree(bench: Bench) -> list[Finding]:
    """Compare the mean of single calls with timeit and pyperf."""
    tools = ("timeit", "pyperf") if find_spec("pyperf") else ("timeit",)
    effects: dict[str, Effect] = {}
    watch = MachineWatch()
    watch.begin(())
    for model, batch_size in bench.subjects(_SUBJECTS[:1] if bench.options.is_shortest else _SUBJECTS):
        found = await _effects(bench, model, batch_size, tools)
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
        deviation(
            "fidelity_python_ratio",
            effects[worst],
            python_bar(machine),
            f"mean of single calls / {worst} ({machine.value} machine){missing}",
        ),
        *(ratio(f"mean of single calls / {name}", effect) for name, effect in effects.items()),
    ]


def python_bar(machine_class: MachineClass) -> Bar:
    """Return how close to other tools the loop has to be: closer where nothing else runs."""
    return Bar(high=0.02 if machine_class is MachineClass.DEDICATED else 0.07)


async def _effects(bench: Bench, model: Model, batch_size: int, tools: Sequence[str]) -> dict[str, Effect]:
    logs: dict[str, list[float]] = {tool: [] for tool in tools}
    for number in range(round_count(bench)):
        async with AsyncExitStack() as stack:
            child, about = await opened(stack, bench, model, batch_size, "latency_ns")
            if about["call_ns"] < _SHORTEST_CALL_NS:
                return {}
            loops = {command: loop_of(child, command, "mean_ns") for command in ("slice", *tools)}
            found = await paired_logs(loops, "slice", sweep_count(bench), random.Random(number))
            for tool in tools:
                logs[tool].append(found[tool])
    return effects_of(logs)
