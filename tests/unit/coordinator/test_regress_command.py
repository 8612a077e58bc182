"""What `regress` tells a script, and how it has an alarm confirmed; over a coordinator that is a small fake."""

import argparse
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from mltest.coordinator.commands import regress
from mltest.shared.domain import (
    Basis,
    Change,
    Comparison,
    Difference,
    History,
    HistoryPoint,
    HistorySeries,
    JobEvent,
    JobInfo,
    JobSpec,
    JobState,
)
from mltest.shared.errors import JobStateError
from mltest.shared.status import EXIT_OK, EXIT_REGRESSION
from tests.unit.coordinator.jobs_in_memory import job_info

SERIES = HistorySeries(
    model_name="forest.skops",
    dataset_sha256="c" * 64,
    label="treelite",
    runtime="treelite",
    agent_id="a",
    agent_name="lab",
    metric="latency_s",
    statistic="median",
    batch_size=1,
    basis=Basis.REFERENCE,
    points=tuple(HistoryPoint(job_id=f"job{day}", created_unix_ns=day, value=1e-5, level=1.0) for day in range(4)),
)
ALARM = replace(
    SERIES,
    points=(*SERIES.points[:-1], replace(SERIES.points[-1], is_alarm=True, change_ratio=1.2, change=Change.WORSE)),
)


class FakeCoordinator:
    """Knows one job, its history, and what measuring old against new would find."""

    def __init__(self, series: HistorySeries, confirmed: Change, ends: JobState = JobState.DONE) -> None:
        self._history = History(series=(series,))
        self._confirmed = confirmed
        self._ends = ends
        self.submitted: list[JobSpec] = []

    async def jobs(self, *, limit: int = 100) -> tuple[JobInfo, ...]:
        return (replace(job_info("job9"), state=JobState.RUNNING), job_info("job3"))

    async def job(self, job_id: str) -> JobInfo:
        return replace(job_info(job_id), state=self._ends)

    async def history(self, job_id: str = "", *, figure: str = "", limit: int = 100) -> History:
        return self._history

    async def submit(self, spec: JobSpec, *, request_key: str = "") -> str:
        self.submitted.append(spec)
        return "confirming"

    async def watch(self, job_id: str, *, from_seq: int = 1) -> AsyncGenerator[JobEvent]:
        events: tuple[JobEvent, ...] = ()
        for event in events:
            yield event

    async def compare(self, job_a: str, job_b: str) -> Comparison:
        found = Difference(
            label="treelite",
            runtime="treelite",
            agent_id="a",
            agent_name="lab",
            metric="latency_s",
            statistic="median",
            batch_size=1,
            change=self._confirmed,
            ratio=1.2,
            ratio_low=1.18,
            ratio_high=1.22,
        )
        others = (replace(found, batch_size=32), replace(found, label="onnxruntime"))
        return Comparison(job_a=job_a, job_b=job_b, is_paired=True, differences=(found, *others))


def run(
    fake: FakeCoordinator, monkeypatch: pytest.MonkeyPatch, *, is_json: bool = False, confirms: bool = False
) -> int:
    @asynccontextmanager
    async def opened(arguments: argparse.Namespace, *, needs_to_run: bool = False) -> AsyncIterator[FakeCoordinator]:
        assert needs_to_run == confirms
        yield fake

    monkeypatch.setattr(regress, "coordinator", opened)
    arguments = argparse.Namespace(job="", figure="", confirm=confirms, limit=100, json=is_json)
    return regress.VERB.run(arguments)


def test_nothing_worse_is_a_success(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(FakeCoordinator(SERIES, Change.WORSE), monkeypatch) == EXIT_OK
    assert "job3: nothing is worse" in capsys.readouterr().out


def test_an_alarm_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeCoordinator(ALARM, Change.WORSE)

    assert run(fake, monkeypatch) == EXIT_REGRESSION
    assert "job3: 1 figure is worse than usual" in capsys.readouterr().out
    assert fake.submitted == []


def test_an_alarm_that_is_confirmed_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeCoordinator(ALARM, Change.WORSE)

    assert run(fake, monkeypatch, confirms=True) == EXIT_REGRESSION
    assert "Confirmed by job confirming, with job1" in capsys.readouterr().out
    assert [spec.against_job_id for spec in fake.submitted] == ["job1"]


def test_an_alarm_that_is_not_confirmed_is_a_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(FakeCoordinator(ALARM, Change.UNDECIDED), monkeypatch, confirms=True) == EXIT_OK
    assert "Not confirmed" in capsys.readouterr().out


def test_without_an_alarm_the_job_is_measured_against_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCoordinator(SERIES, Change.UNDECIDED)

    assert run(fake, monkeypatch, confirms=True) == EXIT_OK
    assert [spec.against_job_id for spec in fake.submitted] == ["job2"]


def test_a_confirmation_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JobStateError, match="it was to confirm a regression"):
        run(FakeCoordinator(ALARM, Change.WORSE, JobState.FAILED), monkeypatch, confirms=True)


def test_data_is_one_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(FakeCoordinator(ALARM, Change.WORSE), monkeypatch, is_json=True, confirms=True)
    found = json.loads(capsys.readouterr().out)

    assert found["job_id"] == "job3"
    assert found["history"]["series"][0]["points"][-1]["is_alarm"]
    assert [one["batch_size"] for one in found["confirmation"]["confirmed"]] == [1]
