"""What every store has to do with visits, attempts, and samples."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.store import Store
from mltest.shared.domain import (
    CandidateEnded,
    DomainReadings,
    EnergyAbsent,
    JobNote,
    Outcome,
    PredictionsStored,
    VisitEvent,
    VisitEventBody,
    VisitStarted,
)
from tests.contract.stored import LOST, NEWS, OK, SPEC, add_job, begin, end, samples, visit_spec
from tests.unit.coordinator.energies import recorded


def test_everything_survives_reopening(store: Store, folder: Path) -> None:
    attempt = begin(store)
    started = VisitStarted(visit_id="visit1", attempt=1, agent_id="agent1", started_unix_ns=3, versions={"a": "1"})
    events = [VisitEvent(seq=1, event=started), samples(2, 1, 2, 3), VisitEvent(seq=3, event=OK)]
    store.visits.receive(attempt.attempt_key, events, job_id="job1")
    end(store, attempt, OK)
    coordinator_id = store.coordinator_id()
    store.close()

    again = Store(folder)
    try:
        (found,) = again.visits.attempts("job1")
        assert (found.last_seq, found.outcome, found.started, found.ended) == (2, Outcome.OK, started, OK)
        assert [series.series.values for series in again.visits.series("job1")] == [(1, 2, 3)]
        assert again.jobs.get("job1").spec == SPEC
        assert again.coordinator_id() == coordinator_id
        assert again.is_intact()
    finally:
        again.close()


@pytest.mark.parametrize("values", [(), (0,), (2**32 - 1,), (2**32,), (1, 2**64 - 1, 3)])
def test_values_come_back_as_they_were(store: Store, values: tuple[int, ...]) -> None:
    attempt = begin(store)
    store.visits.receive(attempt.attempt_key, [samples(1, *values)], job_id="job1")
    end(store, attempt, OK)

    (found,) = store.visits.series("job1")
    assert found.series.values == values
    assert (found.agent_id, found.round_index, found.series.started_monotonic_ns) == ("agent1", 0, 7)


@pytest.mark.promise(32)
def test_an_event_that_arrives_twice_counts_once(store: Store) -> None:
    attempt = begin(store)
    for _ in range(2):
        store.visits.receive(attempt.attempt_key, [samples(1, 5), samples(2, 6)], job_id="job1")
    end(store, attempt, OK)

    assert [found.series.values for found in store.visits.series("job1")] == [(5,), (6,)]


def test_a_large_number_of_series_is_read_in_the_order_in_which_it_was_stored(store: Store) -> None:
    attempt = begin(store)
    events = [samples(number, number, slice_index=number) for number in range(1, 1302)]
    store.visits.receive(attempt.attempt_key, events, job_id="job1")
    end(store, attempt, OK)

    assert [found.series.values for found in store.visits.series("job1")] == [(number,) for number in range(1, 1302)]


def test_only_the_attempt_that_ended_well_counts(store: Store) -> None:
    broken = begin(store)
    store.visits.receive(broken.attempt_key, [samples(1, 100)], job_id="job1")
    end(store, broken, LOST, ends_visit=False)
    second = store.visits.begin_attempt("visit1")
    store.visits.receive(second.attempt_key, [samples(1, 7)], job_id="job1")
    before = list(store.visits.series("job1"))
    end(store, second, OK)

    assert (broken.attempt, second.attempt) == (1, 2)
    assert before == []
    assert [found.series.values for found in store.visits.series("job1")] == [(7,)]
    assert [attempt.outcome for attempt in store.visits.attempts("job1")] == [Outcome.FAILED, Outcome.OK]
    assert store.visits.of_job("job1")[0].outcome is Outcome.OK


def test_ends_and_predictions_of_candidates_count_with_their_attempt(store: Store) -> None:
    attempt = begin(store)
    failed = CandidateEnded(candidate_id="native", outcome=Outcome.FAILED, reason_code="DEADLINE", reason="slow")
    stored = PredictionsStored(candidate_id="native", sha256="f" * 64, size_bytes=9)
    events = [VisitEvent(seq=1, event=stored), VisitEvent(seq=2, event=failed)]
    store.visits.receive(attempt.attempt_key, events, job_id="job1")
    before = (store.outcomes.of_job("job1"), store.outcomes.predictions("job1"))
    end(store, attempt, OK)

    assert before == ((), ())
    assert [(found.candidate_id, found.reason) for found in store.outcomes.of_job("job1")] == [("native", "slow")]
    assert [found.sha256 for found in store.outcomes.predictions("job1")] == ["f" * 64]


def test_progress_is_told_in_the_same_commit_as_the_samples(store: Store) -> None:
    attempt = begin(store)
    store.visits.receive(attempt.attempt_key, [samples(1, 5)], job_id="job1", news=[JobNote(text="half")])

    assert store.jobs.events("job1", 2)[0].event == JobNote(text="half")


def test_visits_that_ended_well_stay_when_a_job_is_planned_again(store: Store) -> None:
    add_job(store)
    specs = [visit_spec(f"visit{number}", number) for number in range(4)]
    store.visits.plan("job1", [("agent1", spec) for spec in specs])
    end(store, store.visits.begin_attempt("visit0"), OK)
    end(store, store.visits.begin_attempt("visit1"), LOST)
    store.visits.begin_attempt("visit2")
    store.visits.end_open_attempts("job1", reason_code="VISIT_INTERRUPTED", reason="the job ended")
    store.visits.plan("job1", [("agent1", specs[0]), ("agent1", specs[1]), ("agent2", visit_spec("new", 0))])

    outcomes = {visit.spec.visit_id: visit.outcome for visit in store.visits.of_job("job1")}
    assert outcomes == {"visit0": Outcome.OK, "visit1": None, "visit2": Outcome.CANCELLED, "new": None}
    job = store.jobs.get("job1")
    assert (job.visits_done, job.visits_total) == (2, 4)


def test_what_an_earlier_life_received_of_an_open_attempt_is_given_back(store: Store) -> None:
    attempt = begin(store)
    ended = CandidateEnded(candidate_id="native", outcome=Outcome.FAILED, reason_code="X", reason="it broke")
    stored = PredictionsStored(candidate_id="native", sha256="e" * 64, size_bytes=5)
    bodies: list[VisitEventBody] = [samples(1, 1, 2).event, samples(2, 3, slice_index=1).event, stored, ended]
    events = [VisitEvent(seq=seq, event=body) for seq, body in enumerate(bodies, start=1)]
    store.visits.receive(attempt.attempt_key, events, job_id="job1")
    assert list(store.visits.received(attempt)) == bodies


def test_the_end_of_an_attempt_is_not_received_before_the_attempt_is_closed_with_it(store: Store) -> None:
    attempt = begin(store)
    store.visits.receive(attempt.attempt_key, [samples(1, 1), VisitEvent(seq=2, event=OK)], job_id="job1")
    (found,) = store.visits.attempts("job1")
    assert found.last_seq == 1


def test_the_time_that_attempts_took_does_not_depend_on_the_date(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = begin(store)
    year_ns = 366 * 24 * 3600 * 10**9
    now_ns = time.time_ns()
    for jump_ns in (year_ns, -2 * year_ns):
        monkeypatch.setattr(time, "time_ns", lambda jump_ns=jump_ns: now_ns + jump_ns)
        store.visits.end_attempt(attempt, OK, ends_visit=False, job_id="job1", news=NEWS, spent_ns=5 * 10**9)
        assert store.visits.spent("job1", "agent1") == (5.0, 1)


def test_a_candidate_that_was_given_up_is_a_failure_with_the_first_reason(store: Store) -> None:
    begin(store)
    for reason in ("first", "second"):
        store.outcomes.give_up("job1", "agent1", "native", reason_code="AGENT_DIED", reason=reason)
    (found,) = store.outcomes.of_job("job1")
    assert (found.agent_id, found.candidate_id, found.outcome) == ("agent1", "native", Outcome.FAILED)
    assert (found.reason_code, found.reason, found.round_index) == ("AGENT_DIED", "first", None)


def test_how_candidates_ended_is_known_of_every_closed_attempt_in_order(store: Store) -> None:
    broken = begin(store)
    died = CandidateEnded(candidate_id="native", outcome=Outcome.FAILED, reason_code="AGENT_DIED")
    well = CandidateEnded(candidate_id="native", outcome=Outcome.OK)
    store.visits.receive(broken.attempt_key, [VisitEvent(seq=1, event=died)], job_id="job1")
    assert store.outcomes.tried("job1") == ()
    end(store, broken, LOST, ends_visit=False)
    second = store.visits.begin_attempt("visit1")
    store.visits.receive(second.attempt_key, [VisitEvent(seq=1, event=well)], job_id="job1")
    end(store, second, OK)
    found = store.outcomes.tried("job1")
    assert [(one.agent_id, one.reason_code, one.counts) for one in found] == [
        ("agent1", "AGENT_DIED", False),
        ("agent1", "", True),
    ]


def test_a_flag_stays_until_another_job_goes_well(store: Store) -> None:
    assert store.agents.flag("agent1") == ""
    store.agents.set_flag("agent1", job_id="job1", reason="it died")
    store.agents.clear_flag("agent1", job_id="job1")
    assert store.agents.flag("agent1") == "it died"
    store.agents.clear_flag("agent1", job_id="job2")
    assert store.agents.flag("agent1") == ""


def test_readings_of_meters_come_back_bit_by_bit_and_count_once(store: Store) -> None:
    attempt = begin(store)
    cut = store.visits.begin_attempt("visit1")
    body = replace(
        recorded(45.0, candidate_id="native"),
        begin_ns=(5, 2**62, 2**62 + 1),
        took_ns=(0, 10**9, 1),
        domains=(
            DomainReadings(domain_id="a", values=(0.1, -0.0, 1e308), absent_places=(1,), absent_reason="it was busy"),
            DomainReadings(domain_id="b", values=(5e-324, 2.0, 2.0)),
        ),
    )
    absent = EnergyAbsent(reason="there is no meter", remedy="buy one")
    events = [VisitEvent(seq=1, event=body), VisitEvent(seq=2, event=absent)]
    for _ in range(2):
        store.visits.receive(attempt.attempt_key, events, job_id="job1")
    store.visits.receive(cut.attempt_key, events, job_id="job1")
    end(store, attempt, OK)
    end(store, cut, LOST)

    (found,) = store.visits.energy("job1")
    assert (found.agent_id, found.round_index, found.recorded) == ("agent1", 0, body)
    (head,) = store.visits.energy_heads("job1")
    assert head.recorded.windows == body.windows
    assert [one.absent for one in store.visits.energy_absent("job1")] == [absent]
