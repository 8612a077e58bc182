"""Reads a meter for as long as something is measured: often enough that no wrap and no sample is missed."""

import threading
from types import TracebackType

from mltest.agent.meters.role import Meter
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.energy.window_energy import is_of_a_moment
from mltest.shared.errors import MeterUnreadableError

_ATTEMPTS = 20
"""Of one mark: a reading that was interrupted is of no certain moment, and is made again."""
_IDLE_S = 10.0
"""Between two readings of a counter that never wraps."""


def recording_period_s(spec: MeterSpec) -> float:
    """Return how often a meter has to be read: a power meter as often as it changes, a counter before it can wrap."""
    if spec.kind is MeterKind.POWER:
        return spec.poll_s
    return spec.heartbeat_s if spec.heartbeat_s is not None else _IDLE_S


class Recorder:
    """Opens a meter, reads it in a thread of its own, and closes it: a context manager.

    Readings that fail are missing; `failure` says why, and the engine finds what is missing.
    """

    def __init__(self, meter: Meter, period_s: float | None = None) -> None:
        self._meter = meter
        self._period_s = period_s if period_s is not None else recording_period_s(meter.spec)
        self._readings: list[Reading] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_reading, name=f"meter {meter.spec.meter}", daemon=True)
        self.failure: MeterUnreadableError | None = None
        """Of the last reading that failed; None if none did."""

    def __enter__(self) -> "Recorder":
        self._meter.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._meter.close()

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What was read so far, in order of time."""
        with self._lock:
            return tuple(self._readings)

    def mark(self) -> Reading:
        """Read now: an end of a window.

        Raises:
            MeterUnreadableError: it cannot be read.

        """
        for _ in range(_ATTEMPTS):
            reading = self._read()
            if is_of_a_moment(self._meter.spec, reading):
                break
        return reading

    def _keep_reading(self) -> None:
        while not self._stopping.wait(self._period_s):
            try:
                self._read()
            except MeterUnreadableError as error:
                self.failure = error

    def _read(self) -> Reading:
        with self._lock:
            reading = self._meter.read()
            self._readings.append(reading)
        return reading
