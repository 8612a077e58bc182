"""How far one attempt of a visit is: from what arrived to what a user sees. Pure; the clock is passed in."""

from collections import Counter

from mltest.coordinator.job.scheduler import series_total
from mltest.coordinator.job.slice_times import SliceTimes
from mltest.coordinator.planning.plan import Objective
from mltest.shared.domain import (
    CandidateEnded,
    EnergyRecorded,
    Outcome,
    PredictionsStored,
    SampleBatch,
    VisitEnded,
    VisitEvent,
    VisitSpec,
    VisitUpdated,
)
from mltest.shared.metrics import TIMED_METRICS

_MIN_STEP_S = 0.5
_MIN_STEP_RATIO = 0.005
"""News of less progress is not told, so that the events of a visit are bounded however long it takes."""


class VisitProgress:
    """Counts what arrives in one attempt."""

    def __init__(self, visit: VisitSpec, agent_name: str, objective: Objective) -> None:
        self._visit = visit
        self._agent_name = agent_name
        self._timed: Counter[str] = Counter()
        self._metered: set[tuple[str, int]] = set()
        self._last_candidate_id = ""
        self._told_candidate_ids = {""}
        self._value_count = 0
        self._told_s = float("-inf")
        self._told_ratio = -1.0
        self.times = SliceTimes(objective)
        """What was timed, for deciding on further rounds."""
        self.ends: dict[str, CandidateEnded] = {}
        """How candidates ended, as far as they have."""
        self.predictions: list[PredictionsStored] = []
        self.ended: VisitEnded | None = None
        """The last event, once it has arrived."""

    def add(self, event: VisitEvent) -> None:
        """Count one event."""
        body = event.event
        if isinstance(body, SampleBatch):
            self.times.add(self._visit.round_index, body.series)
            for series in body.series:
                self._timed[series.candidate_id] += series.metric in TIMED_METRICS
                self._value_count += len(series.values)
                self._last_candidate_id = series.candidate_id
        elif isinstance(body, EnergyRecorded):
            self._value_count += len(body.begin_ns)
            self._last_candidate_id = body.candidate_id
            if body.candidate_id and (body.candidate_id, body.batch_size) not in self._metered:
                self._metered.add((body.candidate_id, body.batch_size))
                self._timed[body.candidate_id] += 1
        elif isinstance(body, CandidateEnded):
            self.ends[body.candidate_id] = body
        elif isinstance(body, PredictionsStored):
            self.predictions.append(body)
        elif isinstance(body, VisitEnded):
            self.ended = body

    def failed(self) -> tuple[str, ...]:
        """Return the candidates that failed."""
        return tuple(name for name, end in self.ends.items() if end.outcome is Outcome.FAILED)

    def due_news(self, now_s: float) -> VisitUpdated | None:
        """Return the progress if a candidate sent its first samples, or enough was made since it was told last."""
        ratio = self._done_ratio()
        is_soon = now_s - self._told_s < _MIN_STEP_S or ratio - self._told_ratio < _MIN_STEP_RATIO
        if is_soon and self._last_candidate_id in self._told_candidate_ids:
            return None
        self._told_s, self._told_ratio = now_s, ratio
        self._told_candidate_ids.add(self._last_candidate_id)
        return self.news()

    def news(self, ended: VisitEnded | None = None) -> VisitUpdated:
        """Return how far the attempt is, or how it ended."""
        return VisitUpdated(
            visit_id=self._visit.visit_id,
            agent_name=self._agent_name,
            round_index=self._visit.round_index,
            attempt=self._visit.attempt,
            candidate_id=self._last_candidate_id,
            value_count=self._value_count,
            done_ratio=1.0 if ended is not None and ended.outcome is Outcome.OK else self._done_ratio(),
            outcome=ended.outcome if ended else None,
            reason=ended.reason if ended else "",
        )

    def _done_ratio(self) -> float:
        """A candidate that has ended counts as done, whatever it sent."""
        totals = {candidate.candidate_id: series_total(self._visit, candidate) for candidate in self._visit.candidates}
        done = sum(
            total if candidate_id in self.ends else min(self._timed[candidate_id], total)
            for candidate_id, total in totals.items()
        )
        total = sum(totals.values())
        return done / total if total else 0.0
