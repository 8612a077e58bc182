"""The open meters of one visit: windows that begin and end with a reading, and what was read in them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from mltest.agent.meters.recorder import Recorder
from mltest.agent.meters.role import Meter
from mltest.shared.domain import EnergyRecorded, EnergyWindow, EnergyWindowKind
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.energy.recorded import domains_of
from mltest.shared.energy.recording import spec_to_json

ActionT = TypeVar("ActionT")

_QUICK_S = 0.005
"""A reading that takes longer is left to a thread, so that the agent goes on answering."""
_BESIDE = 3
"""Readings on each side of a span: some may have been interrupted, and be of no certain moment."""


@dataclass(slots=True)
class _Open:
    spec: MeterSpec
    recorder: Recorder
    is_quick: bool


class MeterBench:
    """Meters that are read until the bench is closed; those that change slowly are read farther from a window."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = sorted(meters, key=lambda meter: -meter.spec.update_s)
        self._open: list[_Open] = []
        self._stack = ExitStack()

    def open(self) -> None:
        """Open every meter and look at it once.

        Raises:
            MeterUnreadableError: one of them cannot be read.

        """
        for meter in self._meters:
            recorder = self._stack.enter_context(Recorder(meter))
            self._open.append(_Open(meter.spec, recorder, is_quick=recorder.mark().took_s < _QUICK_S))

    def close(self) -> None:
        """Close them; a second time changes nothing."""
        self._stack.close()
        self._open.clear()

    @property
    def specs(self) -> tuple[MeterSpec, ...]:
        """Of the meters."""
        return tuple(meter.spec for meter in self._meters)

    async def window(
        self, kind: EnergyWindowKind, action: Callable[[], Awaitable[ActionT]]
    ) -> tuple[EnergyWindow, ActionT]:
        """Return the span of `action`, which begins behind a reading of every meter and ends before one; its result.

        Raises:
            MeterUnreadableError: a meter cannot be read any more.

        """
        for one in self._open:
            await self._mark(one)
        begin_ns = time.monotonic_ns()
        result = await action()
        end_ns = time.monotonic_ns()
        for one in reversed(self._open):
            await self._mark(one)
        return EnergyWindow(kind=kind, begin_ns=begin_ns, end_ns=end_ns), result

    def taken(self, spec: MeterSpec, windows: Sequence[EnergyWindow]) -> EnergyRecorded:
        """Return what one meter gave from shortly before the first of `windows` until shortly behind the last."""
        found = next(one for one in self._open if one.spec is spec)
        readings = _around(found.recorder.readings, windows[0].begin_ns, windows[-1].end_ns)
        return EnergyRecorded(
            meter_json=spec_to_json(spec),
            windows=tuple(windows),
            begin_ns=tuple(one.begin_ns for one in readings),
            took_ns=tuple(one.end_ns - one.begin_ns for one in readings),
            domains=domains_of(spec, readings),
        )

    async def _mark(self, one: _Open) -> None:
        if one.is_quick:
            one.recorder.mark()
        else:
            await asyncio.to_thread(one.recorder.mark)


def _around(readings: Sequence[Reading], begin_ns: int, end_ns: int) -> Sequence[Reading]:
    """Return the readings of a span, with those on both sides that its ends need."""
    first = sum(one.middle_ns <= begin_ns for one in readings)
    last = sum(one.middle_ns < end_ns for one in readings)
    return readings[max(first - _BESIDE, 0) : last + _BESIDE]
