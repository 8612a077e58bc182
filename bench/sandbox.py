"""What the sandbox does to calls that are timed inside it: pairs of real workers, one with and one without it.

Both run the same artifact in fresh processes; short slices of the two alternate in random order, and the median of
one round is one figure, as everywhere in mltest. Run it on a quiet machine: python -m bench.sandbox [--rounds N]
"""

import argparse
import asyncio
import itertools
import math
import random
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from bench.figures import Figure, publish
from mltest.agent.host.equal_processors import equal_processors
from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.agent.selftest.local_rounds import LIMITS, call_ns, standard_latency, temporary_folder
from mltest.agent.selftest.models import Model, candidate_of, make_models
from mltest.agent.visit.slice_order import sweep_processors
from mltest.agent.visit.worker_process import WorkerProcess
from mltest.shared.children.child import Confinement
from mltest.shared.statistics.paired import Effect, effect_of

SUBJECTS = (("logistic", "scikit-learn"), ("forest", "onnxruntime"), ("forest", "treelite"))
BATCH_SIZE = 1
BAR = "0.99 to 1.01 on a quiet machine"
_PAIR = (Confinement.MODEL, Confinement.NONE)


@dataclass(frozen=True, slots=True)
class Round:
    """What one pair of fresh processes gave."""

    log_ratio: float
    """Of the median time of a call with the sandbox, divided by that without it."""
    added_spawn_ns: float


def main() -> None:
    """Measure, print, and write build/bench/sandbox.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="fresh processes (default: %(default)s)")
    rounds = asyncio.run(_measured(parser.parse_args().rounds))
    publish("sandbox", list(_figures(rounds)), also="chaos")


async def _measured(round_count: int) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {}
    with temporary_folder() as name:
        folder = Path(name)
        models = await make_models(folder)
        subjects = [model for wanted in SUBJECTS if (model := models.get(*wanted)) is not None]
        numbers = itertools.count()
        for seed in range(round_count):
            for model in subjects:
                one = await _round(model, folder / "rows.npz", folder / f"pair-{next(numbers)}", seed)
                found.setdefault(model.key, []).append(one)
            print(f"  round {seed + 1} of {round_count}", flush=True)
    return found


async def _round(model: Model, rows: Path, folder: Path, seed: int) -> Round:
    generator = random.Random(seed)
    latency = standard_latency(BATCH_SIZE)
    await asyncio.to_thread(folder.mkdir)
    room = ExecLauncher().room(folder)
    workers: dict[Confinement, WorkerProcess] = {}
    spawn_ns: dict[Confinement, float] = {}
    times_ns: dict[Confinement, list[float]] = {confinement: [] for confinement in _PAIR}
    try:
        for confinement in generator.sample(_PAIR, 2):
            candidate = candidate_of(model, "", confinement.value)
            worker = await WorkerProcess.spawn(
                candidate, LIMITS, room, readable=[model.path, rows], confinement=confinement
            )
            workers[confinement] = worker
            spawn_ns[confinement] = (await worker.load(model.path))[0].values[0]
            await worker.read_rows(rows, latency)
            await worker.first_calls()
            await worker.make_forms(latency)
            await worker.warm_up(latency.warmup_ns)
        for index, processor in enumerate(sweep_processors(equal_processors(), latency.slice_count, seed)):
            for confinement in generator.sample(_PAIR, 2):
                ((metric, size),) = workers[confinement].forms
                timed = await workers[confinement].timed_slice(metric, size, index, processor, latency)
                times_ns[confinement].append(call_ns(timed.series))
    finally:
        await room.close()
    pairs = zip(times_ns[Confinement.MODEL], times_ns[Confinement.NONE], strict=True)
    log_ratio = median(math.log(inside / outside) for inside, outside in pairs)
    return Round(log_ratio, spawn_ns[Confinement.MODEL] - spawn_ns[Confinement.NONE])


def _figures(rounds: dict[str, list[Round]]) -> list[Figure]:
    by_round = [fmean(one.log_ratio for one in together) for together in zip(*rounds.values(), strict=True)]
    figures = _of_effect("sandbox_median_ratio", effect_of(by_round), "time of a call with / without the sandbox", BAR)
    for key, found in rounds.items():
        name = "sandbox_median_ratio_" + "_".join(key.replace("-", "").split("/"))
        figures += _of_effect(name, effect_of([one.log_ratio for one in found]), f"the same for {key}", "")
    added_ms = median(one.added_spawn_ns for found in rounds.values() for one in found) / 1e6
    figures.append(Figure(name="sandbox_added_start_ms", value=added_ms, meaning="longer start of a worker"))
    return figures


def _of_effect(name: str, effect: Effect | None, meaning: str, target: str) -> list[Figure]:
    assert effect is not None
    figures = [Figure(name=name, value=effect.ratio, meaning=meaning, target=target)]
    if effect.interval is not None:
        ends = (("low", effect.interval.low), ("high", effect.interval.high))
        figures += [Figure(name=f"{name}_{end}", value=value, meaning="95 % interval") for end, value in ends]
    return figures


if __name__ == "__main__":
    main()
