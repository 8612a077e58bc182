"""The clock that calls are timed with, and the floor below which nothing can be timed."""

import itertools
import json
import subprocess
import sys
import time

from mltest.agent.doctor.readings import NullCall, Timer
from mltest.shared.statistics.percentiles import percentile

_READINGS = 20_000
_TIMEOUT_S = 60.0

_NULL_CALLS = """
import gc, json, time
def nothing(batch): return batch
def timed(count):
    values, clock = [], time.perf_counter_ns
    keep = values.append
    for _ in range(count):
        begin = clock(); nothing(None); end = clock()
        keep(end - begin)
    return values
gc.disable()
timed(2000)
print(json.dumps(timed(20000)))
"""
"""What a worker's loop does, without a model."""


def measured_timer() -> Timer:
    """Return the smallest step of the clock, and what one reading costs."""
    clock = time.perf_counter_ns
    times_ns = [clock() for _ in range(_READINGS)]
    steps_ns = [after - before for before, after in itertools.pairwise(times_ns)]
    return Timer(
        resolution_ns=min((step for step in steps_ns if step > 0), default=0),
        cost_ns=percentile(sorted(steps_ns), 50) if 0 not in steps_ns else (times_ns[-1] - times_ns[0]) / _READINGS,
    )


def measured_null_call() -> NullCall | None:
    """Return the floor in a fresh process; None if that cannot be started."""
    command = [sys.executable, "-I", "-S", "-c", _NULL_CALLS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
        values_ns = sorted(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return NullCall(p50_ns=percentile(values_ns, 50), p99_ns=percentile(values_ns, 99))
