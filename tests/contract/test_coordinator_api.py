"""What every `CoordinatorApi` has to do: one in this process, and one that is asked over gRPC."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import HomeCoordinator, open_coordinator
from mltest.coordinator.remote import RemoteCoordinator
from mltest.shared.domain import FileRef, JobSpec, JobState, JobStateChanged, Standing, StepStarted
from mltest.shared.errors import (
    BlobUnknownError,
    CoordinatorUnreachableError,
    DataInvalidError,
    JobStateError,
    JobUnknownError,
    MltestError,
    PlanInvalidError,
    RequestInvalidError,
)
from tests.integration.jobs import ONE_ROUND, all_events, events_until, job_spec, of_kind
from tests.models import ModelFiles
from tests.processes import Running

NOBODY = "127.0.0.1:1"
"""An address where nobody listens: a job for it fails quickly, after its preparation."""


@pytest.fixture(params=["embedded", "socket", "network"])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    for name in {"two_jobs", "forest_job"}.intersection(request.fixturenames):
        shutil.copytree(request.getfixturevalue(name), tmp_path / "home")
    home = await HomeCoordinator.settle(tmp_path / "home", listen="127.0.0.1", port=0)
    if request.param == "embedded":
        yield home
    elif request.param == "socket":
        remote = await open_coordinator(tmp_path / "home", needs_to_run=True)
        assert isinstance(remote, RemoteCoordinator)
        yield remote
        await remote.close()
    else:
        remote = RemoteCoordinator(home.tcp_address)
        yield remote
        await remote.close()
    await home.close()


async def test_a_job_runs_from_files_to_standings(api: CoordinatorApi, tiny: ModelFiles, resident: Running) -> None:
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=ONE_ROUND))
    events = await all_events(api, job_id)

    results = await api.results(job_id)
    assert results.job.state is JobState.DONE, results.job.reason
    assert {row.standing for row in results.standings.rows} == {Standing.RANKED}
    assert results.candidates[0].is_baseline
    assert {result.metric for result in results.results} >= {"latency_s", "label_agreement"}
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    values = [value async for found in api.samples(job_id) for value in found.series.values]
    assert len(values) > 10


@pytest.mark.usefixtures("forest_job")
async def test_rows_that_differ_are_listed_by_candidate(api: CoordinatorApi) -> None:
    (job_id,) = [job.job_id for job in await api.jobs()]

    found = await api.disagreements(job_id, "onnxruntime")
    assert (found.label, found.differing_count, found.rows) == ("onnxruntime", 0, ())
    assert found.row_count > 100
    assert await api.disagreements(job_id[:6], found.candidate_id[:5]) == found
    with pytest.raises(RequestInvalidError, match="nearest valid one is 'onnxruntime'"):
        await api.disagreements(job_id, "onnxrun")


async def test_a_preview_says_what_a_job_would_do_and_starts_none(api: CoordinatorApi, tiny: ModelFiles) -> None:
    spec = await job_spec(api, tiny)
    found = await api.preview(spec)

    assert [candidate.label for candidate in found.candidates] == ["onnxruntime"]
    assert "treelite" in {cell.label for cell in found.left_out}
    assert found.text.startswith(f"{found.model.kind} (linear, classification, onnx), {found.dataset.row_count} rows")
    assert 0 < found.measuring_least_s <= found.measuring_most_s
    assert await api.jobs() == ()
    with pytest.raises(PlanInvalidError, match="nearest valid one is 'treelite'"):
        await api.preview(replace(spec, plan_toml='[candidates]\nruntimes = ["treelit"]\n'))


@pytest.mark.usefixtures("forest_job")
async def test_a_watch_goes_on_behind_any_event(api: CoordinatorApi) -> None:
    (job_id,) = [job.job_id for job in await api.jobs()]
    events = await all_events(api, job_id)
    late = [event async for event in api.watch(job_id, from_seq=4)]
    beyond = [event async for event in api.watch(job_id, from_seq=1000)]

    assert late == events[3:] != []
    assert beyond == []


async def test_two_watchers_see_the_same(api: CoordinatorApi, tiny: ModelFiles) -> None:
    job_id = await api.submit(await job_spec(api, tiny, NOBODY))
    early = await events_until(api, job_id, lambda event: isinstance(event.event, StepStarted))
    events = await all_events(api, job_id)

    assert events[: len(early)] == early
    assert isinstance(events[-1].event, JobStateChanged)


async def test_the_same_request_key_submits_once(api: CoordinatorApi, tiny: ModelFiles) -> None:
    spec = await job_spec(api, tiny, NOBODY)
    first = await api.submit(spec, request_key="mine")
    again = await api.submit(spec, request_key="mine")
    await api.cancel(first)

    assert first == again
    assert [job.job_id for job in await api.jobs()] == [first]


@pytest.mark.usefixtures("forest_job")
async def test_a_job_is_named_by_a_prefix(api: CoordinatorApi) -> None:
    (job_id,) = [job.job_id for job in await api.jobs()]

    assert (await api.job(job_id[:6])).job_id == job_id
    assert (await api.results(job_id[:6])).job.job_id == job_id


async def test_jobs_are_listed_newest_first_up_to_a_limit(api: CoordinatorApi, tiny: ModelFiles) -> None:
    spec = await job_spec(api, tiny, NOBODY)
    job_ids = [await api.submit(spec) for _ in range(3)]
    for job_id in job_ids:
        await api.cancel(job_id)

    assert [job.job_id for job in await api.jobs(limit=2)] == job_ids[:0:-1]


async def test_an_unknown_job_is_named_in_the_error(api: CoordinatorApi) -> None:
    for ask in (api.job, api.results, api.cancel, api.resume):
        with pytest.raises(JobUnknownError, match="nothing"):
            await ask("nothing")
    with pytest.raises(JobUnknownError, match="nothing"):
        await all_events(api, "nothing")
    with pytest.raises(JobUnknownError, match="nothing"):
        [series async for series in api.samples("nothing")]


async def test_a_job_that_stands_still_cannot_be_stopped_and_one_that_is_done_cannot_be_resumed(
    api: CoordinatorApi, tiny: ModelFiles
) -> None:
    job_id = await api.submit(await job_spec(api, tiny, NOBODY))
    await all_events(api, job_id)
    with pytest.raises(JobStateError, match="failed"):
        await api.cancel(job_id)
    resumed = await api.resume(job_id)
    await all_events(api, job_id)

    assert not resumed.state.is_over
    assert (await api.job(job_id)).reason_code == "NO_AGENT"


@pytest.mark.usefixtures("two_jobs")
async def test_two_jobs_are_compared_and_followed(api: CoordinatorApi) -> None:
    job_ids = [job.job_id for job in await api.jobs()][::-1]
    comparison = await api.compare(job_ids[0][:6], job_ids[1][:6])
    history = await api.history(job_ids[1])
    sizes = await api.history(figure="memory", limit=1)

    assert [comparison.job_a, comparison.job_b] == job_ids
    assert {one.label for one in comparison.differences} == {"onnxruntime"}
    assert any(one.metric == "latency_s" for one in comparison.differences)
    assert {tuple(point.job_id for point in series.points) for series in history.series} == {tuple(job_ids)}
    assert {point.job_id for series in sizes.series for point in series.points} <= {job_ids[1]}


async def test_unknown_jobs_and_figures_are_named_in_the_error(api: CoordinatorApi) -> None:
    for ask in (api.compare("nothing", "nothing"), api.history("nothing")):
        with pytest.raises(JobUnknownError, match="nothing"):
            await ask
    with pytest.raises(PlanInvalidError, match="latenzy"):
        await api.history(figure="latenzy")


async def test_a_job_against_an_unknown_one_is_refused_and_leaves_no_job(api: CoordinatorApi, tiny: ModelFiles) -> None:
    spec = await job_spec(api, tiny, NOBODY)
    with pytest.raises(JobUnknownError, match="nothing"):
        await api.submit(replace(spec, against_job_id="nothing"))

    assert await api.jobs() == ()


SHA = "0" * 64
BAD_SPECS: list[tuple[type[MltestError], str, dict[str, object]]] = [
    (BlobUnknownError, "are not here", {}),
    (RequestInvalidError, "is not a file name", {"model": FileRef(name="../forest.skops", sha256=SHA)}),
    (RequestInvalidError, "64 lower-case", {"model": FileRef(name="forest.skops", sha256="xyz")}),
    (DataInvalidError, "there is none", {"data": ()}),
    (DataInvalidError, "which column", {"data": (FileRef(name="rows.csv", sha256=SHA),)}),
    (DataInvalidError, "is not one .npz", {"data": (FileRef(name="x.npz", sha256=SHA),) * 2}),
    (PlanInvalidError, "rounds", {"plan_toml": "[job]\nround = 3"}),
    (RequestInvalidError, "is not an address", {"agent_addresses": ("nowhere",)}),
]


@pytest.mark.parametrize(("error", "words", "change"), BAD_SPECS)
async def test_a_bad_request_fails_at_once_and_leaves_no_job(
    api: CoordinatorApi, error: type[MltestError], words: str, change: dict[str, object]
) -> None:
    files: dict[str, object] = {
        "model": FileRef(name="forest.skops", sha256=SHA),
        "data": (FileRef(name="digits.npz", sha256=SHA),),
    }
    with pytest.raises(error, match=words):
        await api.submit(JobSpec(**(files | change)))  # type: ignore[arg-type]

    assert await api.jobs() == ()


async def test_a_file_that_cannot_be_read_is_named(api: CoordinatorApi, tmp_path: Path) -> None:
    with pytest.raises(RequestInvalidError, match=r"nowhere\.skops cannot be read"):
        await api.put_file(tmp_path / "nowhere.skops")


async def test_a_file_is_named_by_its_content(api: CoordinatorApi, tmp_path: Path) -> None:
    file = tmp_path / "rows.npz"
    file.write_bytes(b"abc" * 1_000_000)
    first, again = await api.put_file(file), await api.put_file(file)

    assert first == again
    assert first.name == "rows.npz"


async def test_an_agent_that_does_not_answer_is_listed_with_the_reason(api: CoordinatorApi) -> None:
    (agent,) = await api.agents(addresses=[NOBODY], uses_discovery=False)

    assert (agent.address, agent.is_alive, agent.source, agent.agent) == (NOBODY, False, "static", None)
    assert "does not answer: Connection refused" in agent.reason


async def test_a_coordinator_that_is_not_there_is_an_error_that_says_so() -> None:
    remote = RemoteCoordinator(NOBODY)
    with pytest.raises(CoordinatorUnreachableError, match=NOBODY):
        await remote.jobs()
    await remote.close()


async def test_cancelling_tells_where_the_job_stands(api: CoordinatorApi, tiny: ModelFiles) -> None:
    job_id = await api.submit(await job_spec(api, tiny))
    await events_until(api, job_id, lambda event: isinstance(event.event, StepStarted))
    cancelled = await api.cancel(job_id)
    states = [change.state for change in of_kind(await all_events(api, job_id), JobStateChanged)]

    assert cancelled.state is JobState.CANCELLED
    assert cancelled.ended_unix_ns is not None
    assert states == [JobState.QUEUED, JobState.RUNNING, JobState.CANCELLED]
