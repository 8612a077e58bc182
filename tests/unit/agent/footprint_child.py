"""A candidate whose memory is known, in a process of its own: prints what is measured of it, as JSON.

python -m tests.unit.agent.footprint_child RESIDENT_MIB TRANSIENT_MIB LEAK_BYTES STEP_CALLS
"""

import json
import sys

import numpy as np
import numpy.typing as npt

from mltest.agent.worker.footprint import Footprint

MIB = 1024 * 1024


class Known:
    """Holds and takes as much as it is told."""

    def __init__(self, resident_mib: int, transient_mib: int, leak_bytes: int, step_calls: int) -> None:
        self._weights = np.ones(resident_mib * MIB, dtype=np.uint8)
        self._transient_bytes = transient_mib * MIB
        self.is_large = transient_mib > 1
        self._leak_bytes = leak_bytes
        self._step_calls = step_calls
        self._kept: list[bytes] = []
        self._calls = 0

    def predict(self, batch: npt.NDArray[np.float64]) -> object:
        """Take memory for the time of a call, and lose some for ever: in each call, or once as a cache that fills."""
        self._calls += 1
        scratch = np.ones(max(1, self._transient_bytes), dtype=np.uint8)
        if self._leak_bytes and not self._step_calls:
            self._kept.append(b"\1" * self._leak_bytes)
        if self._calls == self._step_calls:
            self._kept.append(b"\1" * self._leak_bytes)
        return batch.sum() + scratch[0]


def main() -> None:
    """Measure the candidate of the command line."""
    footprint = Footprint()
    footprint.mark("imported")
    model = Known(*map(int, sys.argv[1:]))
    footprint.mark("loaded")
    calls = 60 if model.is_large else 400
    sys.stdout.write(json.dumps(footprint.measured(model.predict, [np.zeros((1, 4))], calls, 0)))


if __name__ == "__main__":
    main()
