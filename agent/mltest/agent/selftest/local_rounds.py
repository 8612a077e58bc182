"""Runs real visits in this process, without a server or a network: what an agent does, round after round."""

import asyncio
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from mltest.agent.visit.visit_log import Encoder, VisitLog
from mltest.agent.visit.visit_request import checked_visit
from mltest.agent.visit.visit_runner import VisitRunner
from mltest.agent.visit.visit_site import VisitSite
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import (
    CandidateEnded,
    LatencySpec,
    Limits,
    OpenLoopSpec,
    Outcome,
    SampleBatch,
    SampleSeries,
    VisitCandidate,
    VisitEnded,
    VisitEvent,
    VisitEventBody,
    VisitSpec,
)
from mltest.shared.errors import VisitInterruptedError

_CAPACITY_BYTES = 4 * 1024**3
_S = 10**9
LIMITS = Limits(load_timeout_ns=180 * _S, step_timeout_ns=120 * _S, visit_timeout_ns=900 * _S, memory_bytes=0)

SLICE_COUNT = 24
SLICE_NS = 12_500_000
SLICE_VALUES = 500
WARMUP_NS = 50_000_000

EventT = TypeVar("EventT")


@dataclass(frozen=True, slots=True)
class VisitEvents:
    """What came of one visit."""

    bodies: tuple[VisitEventBody, ...]

    def of(self, kind: type[EventT]) -> tuple[EventT, ...]:
        """Return the events of one class, in order."""
        return tuple(body for body in self.bodies if isinstance(body, kind))

    def series(self, metric: str, candidate_id: str | None = None) -> tuple[SampleSeries, ...]:
        """Return the series of a metric, of one candidate or of all."""
        return tuple(
            one
            for batch in self.of(SampleBatch)
            for one in batch.series
            if one.metric == metric and candidate_id in (None, one.candidate_id)
        )

    @property
    def ended(self) -> VisitEnded:
        """The last event."""
        (last,) = self.of(VisitEnded)
        return last

    def failures(self) -> dict[str, str]:
        """Return why candidates failed, by candidate."""
        return {end.candidate_id: end.reason for end in self.of(CandidateEnded) if end.outcome is not Outcome.OK}


def call_ns(series: SampleSeries) -> float:
    """Return the median time of one call of a series that has values."""
    return median(series.values) / max(1, series.calls_per_value)


class LocalRounds:
    """An agent without a server: it has blobs below a folder, and runs one visit after the other."""

    def __init__(self, folder: Path) -> None:
        self._store = BlobStore(folder / "blobs", _CAPACITY_BYTES)
        work_folder = folder / "visits"
        work_folder.mkdir(exist_ok=True)
        self._site = VisitSite(
            agent_id="selftest", agent_name="selftest", store=self._store, work_folder=work_folder, allows_pickle=False
        )
        self._numbers = itertools.count()

    def add(self, path: Path) -> str:
        """Keep a copy of a file as a blob and return its SHA-256."""
        return self._store.add_file(path).sha256

    def path(self, sha256: str) -> Path:
        """Return the file of a blob."""
        return self._store.path(sha256)

    async def run(
        self,
        candidates: Sequence[VisitCandidate],
        dataset_sha256: str,
        *,
        seed: int,
        latency: LatencySpec | None = None,
        open_loop: OpenLoopSpec | None = None,
        verifies_calls: bool = False,
        collects_predictions: bool = False,
    ) -> VisitEvents:
        """Run one round: a fresh worker for each candidate.

        Raises:
            VisitInterruptedError: the visit as a whole failed.

        """
        number = next(self._numbers)
        spec = VisitSpec(
            visit_id=f"selftest-{number}",
            attempt=1,
            job_id="selftest",
            round_index=number,
            seed=seed,
            dataset_sha256=dataset_sha256,
            candidates=tuple(candidates),
            latency=latency,
            collects_predictions=collects_predictions,
            verifies_calls=verifies_calls,
            open_loop=open_loop,
            limits=LIMITS,
        )
        events: list[VisitEventBody] = []
        await VisitRunner(checked_visit(spec), VisitLog(_keeping(events)), self._site).run()
        found = VisitEvents(tuple(events))
        if found.ended.outcome is Outcome.CANCELLED:
            # The runner turned it into an event; whoever waits for this round was cancelled as well.
            raise asyncio.CancelledError
        if found.ended.outcome is not Outcome.OK:
            raise VisitInterruptedError(detail=found.ended.reason)
        return found


def standard_latency(
    *batch_sizes: int,
    metrics: tuple[str, ...] = (),
    slice_count: int = SLICE_COUNT,
    slice_ns: int = SLICE_NS,
    slice_values: int = SLICE_VALUES,
) -> LatencySpec:
    """Return how the standard profile times calls."""
    return LatencySpec(
        batch_sizes=batch_sizes or (1,),
        slice_count=slice_count,
        slice_ns=slice_ns,
        warmup_ns=WARMUP_NS,
        metrics=metrics,
        slice_values=slice_values,
    )


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder that is removed in the end."""
    return tempfile.TemporaryDirectory(prefix="mltest-selftest-", ignore_cleanup_errors=True)


def _keeping(events: list[VisitEventBody]) -> Encoder:
    """Return an encoder that keeps events as they are: nobody reads the bytes."""

    def keep(event: VisitEvent) -> bytes:
        events.append(event.event)
        return b""

    return keep
