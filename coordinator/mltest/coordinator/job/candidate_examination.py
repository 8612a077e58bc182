"""The tests of lossy candidates' artifacts beside the submitted model, after all measuring is done."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mltest.coordinator.builder.builder import Builder, Evaluation
from mltest.coordinator.builder.openable import openable_obstacle
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.renewal import Renewal
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.broken import broken_result, untried_result
from mltest.coordinator.tests.registry import applies, candidate_tests, class_of
from mltest.shared.domain import Candidate, JobInfo, Result
from mltest.shared.errors import MltestError

_NO_AGENT = ""
"""Of results for which no agent was asked."""


class CandidateExamination:
    """Runs each test once for each artifact, in a request of its own; candidates with the same bytes share results."""

    def __init__(self, errand: Errand, tests: Sequence[TestChoice], renewal: Renewal | None = None) -> None:
        self._errand = errand
        self._renewal = renewal or Renewal()
        self._site = errand.site
        self._tests = candidate_tests(tests)

    async def is_done(self, job: JobInfo) -> bool:
        """Return whether there is nothing to do (any more)."""
        return not self._waiting(job, await self._candidates(), await self._stored())

    async def run(self, builder: Builder, job: JobInfo) -> None:
        """Run the tests that apply, and store what each says as soon as it has: a job may be stopped at any moment."""
        stored = dict(await self._stored())
        made: dict[tuple[str, str, str], Sequence[Result]] = {}
        waiting = self._waiting(job, await self._candidates(), stored)
        artifacts = {self._site.blobs.path(one.artifact_sha256) for _, one in waiting if not openable_obstacle(one)}
        for choice, candidate in waiting:
            # Equal bytes get their rows in the same type, or they say something else.
            key = (choice.class_name, candidate.artifact_sha256, candidate.input_dtype)
            if key not in made:
                made[key] = await self._results(builder, job, choice, candidate, sorted(artifacts))
            own = [replace(result, candidate_id=candidate.candidate_id) for result in made[key]]
            stored[candidate.candidate_id] = self._renewal.merged(stored.get(candidate.candidate_id, ()), own)
            await self._keep(job, candidate, stored[candidate.candidate_id])

    def _waiting(
        self, job: JobInfo, candidates: Sequence[Candidate], stored: Mapping[str, tuple[Result, ...]]
    ) -> list[tuple[TestChoice, Candidate]]:
        """Return the tests that apply, each with the candidates of which it has said nothing yet, or is to anew."""
        assert job.model is not None
        assert job.dataset is not None
        has_target, has_groups = job.dataset.has_target, bool(job.dataset.group_counts)
        return [
            (choice, candidate)
            for choice in self._tests
            if applies(class_of(choice).needs, job.model, has_target=has_target, has_groups=has_groups)
            for candidate in candidates
            if class_of(choice).name not in self._renewal.done(stored.get(candidate.candidate_id, ()))
        ]

    async def _candidates(self) -> list[Candidate]:
        """Return those that are lossy and have an artifact of this job's own model."""
        stored = await self._site.thread.run(self._site.store.jobs.candidates, self._errand.job_id)
        return [
            one for one in stored if one.is_lossy and one.is_possible and one.artifact_sha256 and not one.from_job_id
        ]

    async def _stored(self) -> Mapping[str, tuple[Result, ...]]:
        evaluations = await self._site.thread.run(self._site.store.outcomes.evaluations, self._errand.job_id)
        return {found.candidate_id: found.results for found in evaluations if found.agent_id == _NO_AGENT}

    async def _keep(self, job: JobInfo, candidate: Candidate, results: tuple[Result, ...]) -> None:
        found = Evaluation(candidate_id=candidate.candidate_id, agent_id=_NO_AGENT, results=results, gate_reason="")
        await self._site.thread.run(self._site.store.outcomes.put_evaluations, job.job_id, [found])

    async def _results(
        self, builder: Builder, job: JobInfo, choice: TestChoice, candidate: Candidate, artifacts: Sequence[Path]
    ) -> Sequence[Result]:
        if obstacle := openable_obstacle(candidate):
            return [untried_result(class_of(choice).name, obstacle, candidate_id=candidate.candidate_id)]
        if not self._site.blobs.status(candidate.artifact_sha256).is_complete:
            gone = "its artifact made room for newer files: submit the model again"
            return [untried_result(class_of(choice).name, gone, candidate_id=candidate.candidate_id)]
        stored = await self._site.thread.run(self._site.store.jobs.inspected_files, job.job_id)
        assert stored is not None
        assert job.model is not None
        assert job.dataset is not None
        blobs = self._site.blobs
        try:
            return await builder.compare(
                choice,
                candidate,
                job.spec,
                job.model,
                job.dataset,
                self._errand.plan,
                artifact=blobs.path(candidate.artifact_sha256),
                model=blobs.path(job.spec.model.sha256),
                dataset=blobs.path(job.dataset.sha256),
                reference=blobs.path(stored.reference_sha256),
                others=artifacts,
            )
        except MltestError as error:
            return [broken_result(class_of(choice).name, error, candidate_id=candidate.candidate_id)]
