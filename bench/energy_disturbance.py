"""What reading meters does to calls that are timed beside it.

While a visit runs, a process reads every meter of this machine, and a made one, as often as a recording of it takes. It
is stopped and continued every 0.1 to 0.2 s; each slice belongs to one of the two states, so that both are from the same
moments.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rigor_presence import SLICE_NS, presence_log, read_toggles, slices_of, toggled
from mltest.agent.selftest.bench import Bench, SelftestOptions
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.local_rounds import LocalRounds, standard_latency, temporary_folder
from mltest.agent.selftest.models import candidate_of, make_models
from mltest.shared.statistics.paired import effect_of

NAME = "meters_disturbance_ratio"
_ROUNDS, _SLICES = 8, 200
_READER = Path(__file__).with_name("energy_reader.py")


async def disturbance(*, is_shortest: bool = False, seed: int = 0) -> Finding:
    """Return by which share calls take longer while meters are read."""
    options = SelftestOptions(is_quick=is_shortest, is_shortest=is_shortest, seed=seed)
    rounds, slices = (2, 30) if is_shortest else (_ROUNDS, _SLICES)
    logs = []
    with temporary_folder() as name, reader() as pid:
        folder = Path(name)
        models = await make_models(folder, seed=seed)
        bench = Bench(folder=folder, models=models, rounds=LocalRounds(folder), options=options)
        model, batch_size = bench.first_of(("forest", "treelite", 16), ("logistic", "onnxruntime", 16))
        candidate = candidate_of(model, bench.sha256(model.path), "a")
        latency = standard_latency(batch_size, slice_count=slices, slice_ns=SLICE_NS)
        for number in range(rounds):
            with toggled(pid, seed + number, folder / "toggles.txt") as toggles:
                events = await bench.rounds.run([candidate], bench.rows, seed=seed + number, latency=latency)
            log = presence_log(slices_of(events), read_toggles(toggles))
            logs += [] if log is None else [log]
    return disturbance_finding(logs)


def disturbance_finding(logs: list[float]) -> Finding:
    """Return what the logs of rounds, log(beside readings / without), say together."""
    effect = effect_of(logs)
    interval = effect.interval if effect else None
    return Finding(
        name=NAME,
        value=effect.ratio - 1 if effect else None,
        meaning="by how much calls take longer while meters are read than while they are not",
        bar=Bar(high=0.01),
        low=interval.low - 1 if interval else None,
        high=interval.high - 1 if interval else None,
        of_count=len(logs),
        may_contain_zero=True,
    )


@contextmanager
def reader() -> Iterator[int]:
    """Start a process that reads meters; yield its id when it does, and end it afterwards."""
    popen = subprocess.Popen([sys.executable, _READER], stdout=subprocess.PIPE, text=True)
    try:
        assert popen.stdout is not None
        print(f"  meters that are read meanwhile: {popen.stdout.readline().strip()}", flush=True)
        yield popen.pid
    finally:
        popen.terminate()
        popen.communicate()
