"""What a daemon that only waits and advertises itself does to calls that are timed beside it.

While a visit runs, the daemon is stopped and continued every 0.1 to 0.2 s; each slice belongs to one of the two states.
"""

import json
import math
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.agents import PROGRAM
from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.local_rounds import VisitEvents, call_ns, standard_latency
from mltest.agent.selftest.models import candidate_of
from mltest.shared.statistics.paired import effect_of

SLICE_NS = 12_500_000
_TOGGLE = Path(__file__).with_name("rigor_toggle.py")
_FEWEST_SLICES = 2
"""Of either state in a visit."""


@dataclass(frozen=True, slots=True)
class TimedSlice:
    """One slice of a visit."""

    begin_ns: int
    end_ns: int
    call_ns: float
    """Median of its calls."""


async def presence(bench: Bench, state: Path) -> list[Finding]:
    """Measure rounds of one candidate beside a daemon that is stopped half of the time."""
    options = bench.options
    model, batch_size = bench.first_of(("forest", "onnxruntime", 16), ("forest", "treelite", 16))
    candidate = candidate_of(model, bench.sha256(model.path), "a")
    slice_count, rounds = (30, 2) if options.is_shortest else (200, 4 if options.is_quick else 12)
    logs = []
    with daemon(state) as pid:
        for seed in range(rounds):
            latency = standard_latency(batch_size, slice_count=slice_count, slice_ns=SLICE_NS)
            with toggled(pid, seed, state / "toggles.txt") as toggles:
                events = await bench.rounds.run([candidate], bench.rows, seed=seed, latency=latency)
            log = presence_log(slices_of(events), read_toggles(toggles))
            logs += [] if log is None else [log]
    return presence_findings(logs)


def presence_log(slices: Sequence[TimedSlice], toggles: Sequence[tuple[int, bool]]) -> float | None:
    """Return log(median beside a daemon that runs / beside one that is stopped); None where there are too few slices.

    Args:
        slices: of one visit; those within which the state changed are left out.
        toggles: (time in ns, whether it runs from then on), ascending; before the first it runs.

    """
    times = [time_ns for time_ns, _ in toggles]
    by_state: dict[bool, list[float]] = {True: [], False: []}
    for one in slices:
        place = bisect_right(times, one.begin_ns)
        if place == bisect_right(times, one.end_ns):
            by_state[toggles[place - 1][1] if place else True].append(one.call_ns)
    if min(map(len, by_state.values())) < _FEWEST_SLICES:
        return None
    return math.log(median(by_state[True]) / median(by_state[False]))


def presence_findings(logs: Sequence[float]) -> list[Finding]:
    """Return by which share calls take longer beside a daemon that runs."""
    effect = effect_of(logs)
    interval = effect.interval if effect else None
    return [
        Finding(
            name="agent_presence_ratio",
            value=effect.ratio - 1 if effect else None,
            meaning="by how much calls take longer beside a daemon that runs than beside one that is stopped",
            bar=Bar(high=0.01),
            low=interval.low - 1 if interval else None,
            high=interval.high - 1 if interval else None,
            of_count=len(logs),
            may_contain_zero=True,
        )
    ]


def slices_of(events: VisitEvents) -> list[TimedSlice]:
    """Return the slices of the only candidate."""
    return [
        TimedSlice(one.started_monotonic_ns, one.started_monotonic_ns + SLICE_NS, call_ns(one))
        for one in events.series("latency_ns")
        if one.values
    ]


@contextmanager
def daemon(state: Path) -> Iterator[int]:
    """Start an agent that advertises itself; yield its process id when it listens, and end it afterwards."""
    state.mkdir(parents=True, exist_ok=True)
    popen = subprocess.Popen(
        [PROGRAM, "serve", "--state-dir", state / "agent", "--port", "0", "--exit-with-parent"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert popen.stdout is not None
        json.loads(popen.stdout.readline())
        yield popen.pid
    finally:
        popen.terminate()
        popen.communicate()


@contextmanager
def toggled(pid: int, seed: int, path: Path) -> Iterator[Path]:
    """Stop and continue a process inside of this; yield the file that says when, complete only afterwards."""
    with path.open("w") as stream:
        toggling = subprocess.Popen([sys.executable, "-I", "-S", _TOGGLE, str(pid), str(seed)], stdout=stream)
        try:
            yield path
        finally:
            toggling.terminate()
            toggling.wait()


def read_toggles(path: Path) -> list[tuple[int, bool]]:
    """Return (time in ns, whether it runs from then on) in order."""
    lines = (line.split() for line in path.read_text().splitlines())
    return [(int(time_ns), state == "1") for time_ns, state in lines]
