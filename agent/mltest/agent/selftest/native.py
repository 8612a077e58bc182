"""native: what the agent's loop of native calls says, against a hand-written loop in C over the same calls.

That loop runs in the same process, where the runtime's library lies at the same addresses, and as a program of its own.
Where libraries lie is chance and can cost a process 8 % (decision 31): only the former shows what the loops themselves
do.
"""

import os
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.models import Model
from mltest.agent.selftest.native_program import NativeInput, NativeProgram, compiled
from mltest.agent.selftest.paired_loops import (
    SLICE_NS,
    Loop,
    asked,
    deviation,
    effects_of,
    loop_of,
    opened,
    paired_logs,
    ratio,
    round_count,
    sweep_count,
)
from mltest.shared.errors import MltestError
from mltest.shared.statistics.paired import Effect

_SUBJECT = ("forest", "treelite", 4)
_BESIDE, _ALONE = "beside", "alone"
_BAR = Bar(high=0.03)


async def native(bench: Bench) -> list[Finding]:
    """Compare the agent's native loop with one in C that is independent of it."""
    name = "fidelity_native_ratio"
    model = bench.models.get(*_SUBJECT[:2])
    if model is None:
        reason = bench.models.left_out.get(_SUBJECT[1], "it could not be made")
        return [Finding(name=name, value=None, meaning=f"{_SUBJECT[1]}: {reason}", bar=_BAR)]
    try:
        effects = await _effects(bench, model, _SUBJECT[2])
    except MltestError as error:
        return [Finding(name=name, value=None, meaning=error.message, bar=_BAR)]
    return [
        deviation(name, effects[_BESIDE], _BAR, f"native calls / the same calls by another loop in C ({model.key})"),
        ratio(
            f"native calls / those of a C program of its own, its libraries elsewhere ({model.key})", effects[_ALONE]
        ),
    ]


async def _effects(bench: Bench, model: Model, batch_size: int) -> dict[str, Effect]:
    other = await compiled(bench.folder)
    logs: dict[str, list[float]] = {_BESIDE: [], _ALONE: []}
    for number in range(round_count(bench)):
        async with AsyncExitStack() as stack:
            stack.enter_context(on_one_cpu(random.Random(number)))
            child, about = await opened(stack, bench, model, batch_size, "native_latency_ns")
            given = NativeInput(
                library=_treelite_library(),
                model=model.path,
                rows=bench.folder / "prepared.bin",
                dtype=about["dtype"],
                row_bytes=about["row_bytes"],
                row_count=about["row_count"],
                batch_size=batch_size,
                output_bytes=about["output_bytes"],
            )
            await asked(child, {"command": "open_loop", "loop": str(other.library), "arguments": given.arguments()})
            program = await NativeProgram.start(other.program, given)
            stack.push_async_callback(program.end)
            loops: dict[str, Loop] = {
                "slice": loop_of(child, "slice", "median_ns"),
                _BESIDE: loop_of(child, "loop", "median_ns"),
                _ALONE: partial(program.median_ns, SLICE_NS),
            }
            found = await paired_logs(loops, "slice", sweep_count(bench), random.Random(number))
            for name, log in found.items():
                logs[name].append(log)
    return effects_of(logs)


@contextmanager
def on_one_cpu(generator: random.Random) -> Iterator[None]:
    """Start processes of this block on one CPU: two programs that take turns stay where they are, and CPUs differ."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {generator.choice(sorted(allowed))})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _treelite_library() -> Path:
    """Return where treelite keeps its library, without importing it."""
    spec = find_spec("treelite")
    if spec is None or spec.origin is None:
        raise MltestError("treelite is not installed; pip install 'mltest-fleet[selftest]'")
    return Path(spec.origin).parent / "lib" / "libtreelite.so"
