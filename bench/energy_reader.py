"""Reads every meter of this machine, and a made one, until it is ended: run as a process of its own."""

import signal
import sys
from contextlib import ExitStack

from mltest.agent.meters.recorder import Recorder
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import MeterSite


def main() -> None:
    """Say which meters there are, then read them as often as a recording takes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        meters = discovered(MeterSite(simulated_w=40.0)).meters
        for meter in meters:
            stack.enter_context(Recorder(meter))
        print(", ".join(meter.spec.meter for meter in meters), flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
