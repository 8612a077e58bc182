"""Tests that are made of a job that is over: from what is stored, with no agent, and each once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.home import HomeCoordinator
from mltest.coordinator.remote import RemoteCoordinator
from mltest.coordinator.tests.broken import BROKEN, broken_result
from mltest.shared.domain import JobNote, ReportedTestState, Result
from mltest.shared.errors import BlobUnknownError, JobUnknownError, PlanInvalidError
from tests.integration.jobs import all_events, of_kind

LATER = ("quality", "dataset")
FEW_COLUMNS = """
[[tests]]
module = "mltest.coordinator.tests.dataset_properties"
class = "DatasetProperties"
params = {shown_columns = 2}
"""


@pytest.fixture
async def home(forest_job: Path, tmp_path: Path) -> AsyncIterator[HomeCoordinator]:
    """A coordinator that has finished a job whose plan names two tests; its agent is not asked again."""
    shutil.copytree(forest_job, tmp_path / "home")
    home = await HomeCoordinator.settle(tmp_path / "home", listen="127.0.0.1", port=0)
    yield home
    await home.close()


@pytest.fixture
async def api(home: HomeCoordinator) -> AsyncIterator[CoordinatorApi]:
    """The same, asked over gRPC."""
    remote = RemoteCoordinator(home.tcp_address)
    yield remote
    await remote.close()


async def only_job(api: CoordinatorApi) -> str:
    (job,) = await api.jobs()
    return job.job_id


def stored(home: HomeCoordinator, job_id: str) -> tuple[Evaluation, ...]:
    return home._store.outcomes.evaluations(job_id)


def of_test(results: tuple[Result, ...], name: str) -> list[Result]:
    return [result for result in results if result.test == name]


async def test_tests_are_added_to_a_finished_job_once_and_its_own_results_stay(api: CoordinatorApi) -> None:
    job_id = await only_job(api)
    before = await api.results(job_id)
    samples = [found async for found in api.samples(job_id)]
    assert not [name for name in LATER if of_test(before.results, name)]

    found = await api.evaluate(job_id[:6], test_names=LATER)
    assert set(found.made_tests) == set(LATER)
    assert found.notes == ()
    assert found.results == await api.results(job_id)
    own = [result for result in found.results.results if result.test not in LATER]
    assert own == list(before.results)
    (accuracy,) = {one.value for one in of_test(found.results.results, "quality") if one.metric == "accuracy"}
    assert accuracy is not None
    assert 0.8 < accuracy <= 1
    states = {one.name: one.state for one in found.results.tests if one.name in LATER}
    assert ReportedTestState.DONE in states.values()
    assert [found async for found in api.samples(job_id)] == samples
    assert (await api.recompute(job_id, keeps=False)).differences == ()
    notes = [note.text for note in of_kind(await all_events(api, job_id), JobNote)]
    assert sum(text.startswith("made later: ") for text in notes) == 1

    again = await api.evaluate(job_id, test_names=LATER)
    assert (again.made_tests, again.results) == ((), found.results)


async def test_parameters_of_a_later_test_come_from_a_plan(home: HomeCoordinator) -> None:
    job_id = await only_job(home)
    found = await home.evaluate(job_id, plan_toml=FEW_COLUMNS)
    assert found.made_tests == ("dataset",)
    shown = [one for one in of_test(found.results.results, "dataset") if one.metric == "column_minimum"]
    assert len(shown) == 2


async def test_again_makes_a_test_anew_with_other_parameters(api: CoordinatorApi) -> None:
    job_id = await only_job(api)
    names = (*LATER, "trees")
    before = await api.evaluate(job_id, test_names=names)
    assert (await api.evaluate(job_id, plan_toml=FEW_COLUMNS)).made_tests == ()
    found = await api.evaluate(job_id, plan_toml=FEW_COLUMNS, again=True)
    assert (found.made_tests, found.notes) == (("dataset",), ())
    assert len([one for one in of_test(found.results.results, "dataset") if one.metric == "column_minimum"]) == 2
    for name in ("quality", "trees", "agreement"):
        assert of_test(found.results.results, name) == of_test(before.results.results, name)
    assert found.results.standings == before.results.standings
    same = await api.evaluate(job_id, test_names=("quality",), again=True)
    assert same.made_tests == ("quality",)
    assert of_test(same.results.results, "quality") == of_test(before.results.results, "quality")


async def test_again_without_names_makes_what_broke_and_nothing_else(home: HomeCoordinator) -> None:
    job_id = await only_job(home)
    assert (await home.evaluate(job_id, again=True)).made_tests == ()
    await home.evaluate(job_id, test_names=LATER)
    of_model = [break_test(one, "dataset") for one in stored(home, job_id) if not one.candidate_id]
    of_agents = [break_test(one, "quality") for one in stored(home, job_id) if one.agent_id]
    home._store.outcomes.put_evaluations(job_id, [*of_model, *of_agents])
    found = await home.evaluate(job_id, again=True)
    assert set(found.made_tests) == set(LATER)
    assert not [one for one in found.results.results if one.metric == BROKEN]
    assert not [one.gate_reason for one in stored(home, job_id) if one.gate_reason]


async def test_again_also_evaluates_predictions_that_could_not_be(home: HomeCoordinator) -> None:
    job_id = await only_job(home)
    before = stored(home, job_id)
    failed = [replace(one, results=(), gate_reason="its predictions cannot be evaluated: late") for one in before]
    home._store.outcomes.put_evaluations(job_id, failed)
    await home.evaluate(job_id, again=True)
    assert {(one.agent_id, one.candidate_id): one.gate_reason for one in stored(home, job_id)} == {
        (one.agent_id, one.candidate_id): one.gate_reason for one in before
    }


def break_test(evaluation: Evaluation, name: str) -> Evaluation:
    """Return the evaluation as it would be had the test broken."""
    broken = broken_result(
        name, RuntimeError("once"), candidate_id=evaluation.candidate_id, agent_id=evaluation.agent_id
    )
    others = [one for one in evaluation.results if one.test != name]
    return replace(evaluation, results=(*others, broken), gate_reason=f"{name}: {broken.reason}")


async def test_an_evaluation_that_was_cut_short_goes_on_when_it_is_asked_for_again(home: HomeCoordinator) -> None:
    job_id = await only_job(home)
    names = ("dataset", "trees", "native importance")
    work = asyncio.create_task(home.evaluate(job_id, test_names=names))
    async with asyncio.timeout(60):
        while not any(not one.candidate_id for one in stored(home, job_id)):
            await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    kept = {result.test for one in stored(home, job_id) for result in one.results}
    assert (await home.recompute(job_id, keeps=False)).differences == (), "what there is was concluded"

    rest = await home.evaluate(job_id, test_names=names)
    assert set(rest.made_tests) == set(names) - kept
    assert all(of_test(rest.results.results, name) for name in names)


async def test_what_cannot_be_made_later_is_refused_with_what_helps(home: HomeCoordinator) -> None:
    job_id = await only_job(home)
    with pytest.raises(PlanInvalidError, match="takes measurements of agents"):
        await home.evaluate(job_id, test_names=("footprint",))
    with pytest.raises(PlanInvalidError, match="nearest valid one is 'quality'"):
        await home.evaluate(job_id, test_names=("qualty",))
    with pytest.raises(JobUnknownError):
        await home.evaluate("nothing")
    model = (await home.job(job_id)).spec.model
    home.blobs.path(model.sha256).unlink()
    with pytest.raises(BlobUnknownError, match="made room"):
        await home.evaluate(job_id, test_names=LATER)
