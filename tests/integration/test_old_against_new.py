"""Two real jobs: compared with each other, and old against new in one of them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import HomeCoordinator, open_coordinator
from mltest.coordinator.remote import RemoteCoordinator
from mltest.shared.domain import Basis, Candidate, Change, Comparison, JobResults, JobSpec, JobState
from mltest.shared.errors import JobStateError, JobUnknownError, PlanInvalidError
from tests.integration.jobs import FOREST_PLAN, ONE_ROUND, all_events, job_spec
from tests.models import ModelFiles, forest_on_digits
from tests.processes import Running

NOBODY = "127.0.0.1:1"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return forest_on_digits(tmp_path_factory.mktemp("small"), trees=3)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    return forest_on_digits(tmp_path_factory.mktemp("before"), trees=3, is_onnx=True)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A retrained model, whose calls take several times as long."""
    return forest_on_digits(tmp_path_factory.mktemp("after"), trees=200, is_onnx=True)


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[CoordinatorApi]:
    home = await HomeCoordinator.settle(tmp_path / "home")
    remote = await open_coordinator(tmp_path / "home", needs_to_run=True)
    assert isinstance(remote, RemoteCoordinator)
    yield remote
    await remote.close()
    await home.close()


async def finished(api: CoordinatorApi, spec: JobSpec) -> str:
    job_id = await api.submit(spec)
    await all_events(api, job_id)
    job = await api.job(job_id)
    assert job.state is JobState.DONE, job.reason
    return job_id


def latency(comparison: Comparison, runtime: str) -> tuple[Change, Basis]:
    (found,) = [
        one
        for one in comparison.differences
        if (one.runtime, one.metric) == (runtime, "latency_s") and one.statistic == "median"
    ]
    return found.change, found.basis


async def test_old_against_new_over_the_wire(
    remote: CoordinatorApi, before: ModelFiles, after: ModelFiles, resident: Running
) -> None:
    """One long story, since each job takes seconds."""
    old = await finished(remote, await job_spec(remote, before, resident.address, plan=ONE_ROUND))
    plan = ONE_ROUND.replace("rounds = 1", "rounds = 4")
    spec = await job_spec(remote, after, resident.address, plan=plan)
    new = await finished(remote, replace(spec, against_job_id=old[:8]))

    results = await remote.results(new)
    earlier = {found.candidate_id: found for found in results.candidates if found.from_job_id}
    assert results.job.spec.against_job_id == old
    assert set(earlier) == {f"a-{found.candidate_id}" for found in own(await remote.results(old))}
    assert all(found.is_possible and not found.is_baseline for found in earlier.values())
    timed = {found.series.candidate_id async for found in remote.samples(new) if found.series.metric == "latency_ns"}
    assert timed >= set(earlier)

    comparison = await remote.compare(old[:6], new)
    assert (comparison.job_a, comparison.job_b, comparison.is_paired) == (old, new, True)
    assert latency(comparison, "onnxruntime") == (Change.WORSE, Basis.PAIRED)

    again = await finished(remote, replace(spec, plan_toml=ONE_ROUND, against_job_id=new))
    taken = [found for found in (await remote.results(again)).candidates if found.from_job_id]
    assert {(found.runtime, found.from_job_id) for found in taken} == {("onnxruntime", new)}

    apart = await remote.compare(old, again)
    assert not apart.is_paired
    assert latency(apart, "onnxruntime")[1] is not Basis.PAIRED
    same = await remote.compare(new, new)
    assert {one.change for one in same.differences} == {Change.SAME}

    history = await remote.history(again)
    (series,) = [one for one in history.series if one.runtime == "onnxruntime"]
    assert series.points[-1].job_id == again
    assert series.points[-1].level > 0
    assert (await remote.history(again)) == history
    sizes = await remote.history(old, figure="size")
    assert sizes.series == ()
    with pytest.raises(PlanInvalidError, match="latenzy"):
        await remote.history(figure="latenzy")


async def test_what_cannot_be_measured_against_is_refused_at_once(api: CoordinatorApi, tiny: ModelFiles) -> None:
    spec = await job_spec(api, tiny, NOBODY)
    with pytest.raises(JobUnknownError, match="nothing"):
        await api.submit(replace(spec, against_job_id="nothing"))
    for ask in (api.compare("nothing", "nothing"), api.history("nothing")):
        with pytest.raises(JobUnknownError, match="nothing"):
            await ask
    broken = await api.submit(replace(spec, model=replace(spec.model, sha256=spec.data[0].sha256)))
    await all_events(api, broken)
    with pytest.raises(JobStateError, match="nothing was made"):
        await api.submit(replace(spec, against_job_id=broken))

    assert [job.job_id for job in await api.jobs()] == [broken]


async def test_a_job_goes_on_with_the_candidates_that_it_took(api: CoordinatorApi, small: ModelFiles) -> None:
    """Its preparation is done again when it is resumed, and leaves what it took before as it is."""
    spec = replace(await job_spec(api, small, plan=FOREST_PLAN), uses_local_agent=False)
    old = await api.submit(spec)
    await all_events(api, old)
    new = await api.submit(replace(spec, against_job_id=old))
    await all_events(api, new)
    before = (await api.results(new)).candidates
    await api.resume(new)
    await all_events(api, new)

    assert (await api.results(new)).candidates == before
    assert [found.label for found in before if found.from_job_id] == [
        f"scikit-learn ({old[:6]})",
        f"treelite ({old[:6]})",
    ]
    assert (await api.compare(old, new)).is_paired


async def test_a_model_of_another_shape_is_refused(api: CoordinatorApi, before: ModelFiles, tiny: ModelFiles) -> None:
    old = await api.submit(await job_spec(api, before, NOBODY))
    await all_events(api, old)
    new = await api.submit(replace(await job_spec(api, tiny, NOBODY), against_job_id=old))
    await all_events(api, new)
    job = await api.job(new)

    assert (job.state, job.reason_code) == (JobState.FAILED, "REQUEST_INVALID")
    assert "number of features 64, here 4" in job.reason


def own(results: JobResults) -> list[Candidate]:
    return [found for found in results.candidates if found.is_possible and not found.is_reference]
