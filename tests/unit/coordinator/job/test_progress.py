"""Progress of an attempt from the events that arrived."""

from dataclasses import replace

from mltest.coordinator.job.progress import VisitProgress
from mltest.coordinator.job.scheduler import plan_visits
from mltest.coordinator.planning.plan import Objective
from mltest.shared.domain import CandidateEnded, Outcome, SampleBatch, SampleSeries, VisitEnded, VisitEvent, VisitSpec
from tests.unit.coordinator.job.test_scheduler import AGENT, NATIVE, SUBJECT, others

VISIT = plan_visits(SUBJECT, AGENT, [NATIVE, *others(1)], rounds=range(3))[0]
SLICES = 6
"""Of each candidate: two batch sizes, three slices."""


def batch(*names: str, metric: str = "latency_ns") -> VisitEvent:
    series = (
        SampleSeries(candidate_id=name, metric=metric, batch_size=1, started_monotonic_ns=0, values=(1, 2))
        for name in names
    )
    return VisitEvent(seq=1, event=SampleBatch(series=tuple(series)))


def progress(*events: VisitEvent, visit: VisitSpec = VISIT) -> VisitProgress:
    found = VisitProgress(visit, "lab-1", Objective())
    for event in events:
        found.add(event)
    return found


def end_of(name: str, outcome: Outcome) -> VisitEvent:
    return VisitEvent(seq=2, event=CandidateEnded(candidate_id=name, outcome=outcome))


def test_the_ratio_is_the_share_of_timed_slices() -> None:
    news = progress(batch("native", "native", "other0"), batch("native", metric="load_ns")).news()

    assert news.done_ratio == 3 / (2 * SLICES)
    assert (news.value_count, news.candidate_id) == (8, "native")


def test_a_candidate_that_ended_counts_as_done() -> None:
    news = progress(end_of("native", Outcome.FAILED), batch("other0")).news()

    assert news.done_ratio == (SLICES + 1) / (2 * SLICES)


def test_more_slices_than_expected_do_not_exceed_one() -> None:
    assert progress(batch(*["native", "other0"] * 50)).news().done_ratio == 1.0


def test_without_timed_calls_there_is_no_ratio_until_the_end() -> None:
    found = progress(visit=replace(VISIT, latency=None))

    assert found.news().done_ratio == 0.0
    assert found.news(VisitEnded(outcome=Outcome.OK)).done_ratio == 1.0


def test_news_need_time_and_progress() -> None:
    found = progress(batch("native"))
    first = found.due_news(10.0)
    too_early = found.due_news(10.4)
    without_progress = found.due_news(20.0)
    found.add(batch("native"))
    later = found.due_news(21.0)

    assert first is not None
    assert too_early is None
    assert without_progress is None
    assert later is not None


def test_news_of_a_visit_are_bounded_however_many_slices_it_has() -> None:
    assert SUBJECT.latency is not None
    visit = replace(VISIT, latency=replace(SUBJECT.latency, slice_count=100_000))
    found = VisitProgress(visit, "lab-1", Objective())
    told = 0
    for second in range(4000):
        found.add(batch(*["native", "other0"] * 50))
        told += found.due_news(float(second)) is not None

    assert 50 < told <= 201


def test_failed_candidates_are_known() -> None:
    found = progress(end_of("native", Outcome.FAILED), end_of("other0", Outcome.OK))

    assert found.failed() == ("native",)
