"""Stands for the workers of a visit: it measures what a test tells it to, when it is told."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from mltest.agent.visit.visit_log import VisitLog
from mltest.agent.visit.visit_site import VisitSite
from mltest.shared.domain import Outcome, SampleBatch, SampleSeries, VisitEnded, VisitSpec, VisitStarted
from mltest.shared.errors import MltestError, VisitInterruptedError

Key = tuple[str, int]
"""Visit and attempt."""


@dataclass(slots=True)
class Witness:
    """What really happened on the machine."""

    running: set[Key] = field(default_factory=set)
    """Visits with living workers."""
    begun: Counter[Key] = field(default_factory=Counter)
    """How often workers were started for an attempt."""
    measured: dict[Key, list[SampleSeries]] = field(default_factory=dict)
    """Every series, in order."""
    runner: "SimulatedRunner | None" = None
    """The one that was started last."""


class SimulatedRunner:
    """In the place of `VisitRunner`."""

    witness: Witness

    def __init__(self, spec: VisitSpec, log: VisitLog, site: VisitSite) -> None:
        self._spec, self._log, self._site = spec, log, site
        self._orders: asyncio.Queue[bool] = asyncio.Queue()
        self._key = (spec.visit_id, spec.attempt)
        self.is_ending = False
        self.cancel_reason: MltestError = VisitInterruptedError(detail="cancelled")

    @property
    def is_alive(self) -> bool:
        """Whether its workers live."""
        return self._key in self.witness.running

    def measure(self) -> None:
        """Let it measure one more slice."""
        self._orders.put_nowait(True)

    def finish(self) -> None:
        """Let it end well."""
        self._orders.put_nowait(False)

    async def run(self) -> None:
        """Do what is ordered."""
        self.witness.runner = self
        self.witness.begun[self._key] += 1
        self.witness.running.add(self._key)
        measured = self.witness.measured.setdefault(self._key, [])
        try:
            site = self._site.agent_id
            started = VisitStarted(visit_id=self._key[0], attempt=self._key[1], agent_id=site, started_unix_ns=1)
            self._log.append(started)
            while await self._orders.get():
                measured.append(_series(self._key, len(measured)))
                self._log.append(SampleBatch(series=(measured[-1],)))
            self._log.append(VisitEnded(outcome=Outcome.OK, series_count=len(measured)))
        finally:
            self.witness.running.discard(self._key)


def _series(key: Key, number: int) -> SampleSeries:
    """Return a series that no other attempt has."""
    return SampleSeries(
        candidate_id="native",
        metric="latency_ns",
        batch_size=1,
        slice_index=number,
        started_monotonic_ns=number,
        values=(key[1], number),
        calls_per_value=0,
        is_throttled=False,
    )
