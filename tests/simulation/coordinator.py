"""A coordinator's part of the protocol over its real store: what it asks for, what it stores, what it forgets."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from mltest.coordinator.store import Store, StoredAttempt
from mltest.shared.codec import to_proto
from mltest.shared.domain import Outcome, SampleSeries, VisitEnded, VisitEvent, VisitSpec
from mltest.v1 import agent_service_pb2 as pb
from mltest.v1 import visit_pb2
from tests.contract.stored import LOST, NEWS, add_job, visit_spec

JOB = "job1"


@dataclass(slots=True)
class SimulatedCoordinator:
    """Runs the visits of one job, one after the other."""

    name: str
    folder: Path
    sha256: str
    """Of some bytes that the agent has."""
    visit_count: int = 2
    epoch: int = 0
    """0: it holds no lease, as far as it knows."""
    attempt: StoredAttempt | None = None
    """Under way, as far as it knows."""
    arrived: list[list[VisitEvent]] = field(default_factory=list)
    """Batches that came over the network in this life; they may come again."""
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.store = Store(self.folder)
        add_job(self.store)
        visits = [visit_spec(f"{self.name}{number}", number) for number in range(self.visit_count)]
        self.store.visits.plan(JOB, [("agent1", visit) for visit in visits])

    def spec(self) -> VisitSpec | None:
        """Return the attempt to start: the one that is open, else the next one; None if everything is done."""
        if self.attempt is None:
            visit_id = next((one.spec.visit_id for one in self.store.visits.of_job(JOB) if one.outcome is None), None)
            if visit_id is None:
                return None
            self.attempt = self.store.visits.begin_attempt(visit_id)
        planned = visit_spec(self.attempt.visit_id, int(self.attempt.visit_id.removeprefix(self.name)))
        candidates = tuple(replace(one, artifact_sha256=self.sha256) for one in planned.candidates)
        return replace(planned, attempt=self.attempt.attempt, dataset_sha256=self.sha256, candidates=candidates)

    def start_request(self, spec: VisitSpec) -> pb.StartVisitRequest:
        """Return what starts an attempt."""
        return pb.StartVisitRequest(epoch=self.epoch, visit=to_proto(spec, visit_pb2.VisitSpec))

    @property
    def last_seq(self) -> int:
        """Of the attempt under way: the last event that is stored."""
        assert self.attempt is not None
        return next(
            one.last_seq for one in self.store.visits.attempts(JOB) if one.attempt_key == self.attempt.attempt_key
        )

    def receive(self, batch: list[VisitEvent]) -> pb.VisitPosition | None:
        """Store a batch; return what then can be acknowledged. A batch that leaves a gap is left alone."""
        attempt = self.attempt
        if attempt is None or not batch or batch[0].seq > self.last_seq + 1:
            return None
        self.store.visits.receive(attempt.attempt_key, batch, job_id=JOB)
        if isinstance(last := batch[-1].event, VisitEnded):
            self._end(attempt, last)
        return pb.VisitPosition(visit_id=attempt.visit_id, attempt=attempt.attempt, seq=batch[-1].seq)

    def give_up_attempt(self) -> None:
        """Close the attempt under way, of which the agent knows nothing any more."""
        if self.attempt is not None:
            self._end(self.attempt, LOST)

    def crash(self) -> None:
        """Die and start again: what is stored is there, and an attempt that was left open is taken up."""
        self.store.close()
        self.store = Store(self.folder)
        self.epoch, self.arrived = 0, []
        attempts = self.store.visits.attempts(JOB)
        self.attempt = next((attempt for attempt in attempts if attempt.outcome is None), None)

    def counted(self, visit_id: str) -> list[SampleSeries]:
        """Return the series that count for a visit."""
        number = int(visit_id.removeprefix(self.name))
        return [found.series for found in self.store.visits.series(JOB) if found.round_index == number]

    def _end(self, attempt: StoredAttempt, ended: VisitEnded) -> None:
        is_good = ended.outcome is Outcome.OK
        self.store.visits.end_attempt(attempt, ended, ends_visit=is_good, job_id=JOB, news=NEWS)
        self.attempt, self.arrived = None, []
