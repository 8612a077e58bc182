"""The tests of the submitted model and its data, once for a job, after all measuring is done."""

from collections.abc import Sequence

from mltest.coordinator.builder.builder import Builder, Evaluation
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.broken import broken_result
from mltest.coordinator.tests.registry import applies, class_of, model_tests
from mltest.shared.domain import JobInfo, Result
from mltest.shared.errors import MltestError

_OF_MODEL = ("", "")
"""Candidate and agent of results that are of the model and its data: none."""


class Examination:
    """Runs each test in a request of its own, so that one that breaks or takes too long harms no other."""

    def __init__(self, errand: Errand, tests: Sequence[TestChoice]) -> None:
        self._errand = errand
        self._site = errand.site
        self._tests = model_tests(tests)

    async def is_done(self, job: JobInfo) -> bool:
        """Return whether there is nothing to do (any more)."""
        return not self._waiting(job, await self._stored())

    async def run(self, builder: Builder, job: JobInfo) -> None:
        """Run the tests that apply, and store what each says as soon as it has: a job may be stopped at any moment."""
        results = await self._stored()
        for choice in self._waiting(job, results):
            results = (*results, *await self._results(builder, job, choice))
            found = Evaluation(candidate_id="", agent_id="", results=results, gate_reason="")
            await self._site.thread.run(self._site.store.outcomes.put_evaluations, job.job_id, [found])

    def _waiting(self, job: JobInfo, results: Sequence[Result]) -> list[TestChoice]:
        """Return the tests that apply and have said nothing yet."""
        assert job.model is not None
        assert job.dataset is not None
        has_target, has_groups = job.dataset.has_target, bool(job.dataset.group_counts)
        done = {result.test for result in results}
        return [
            choice
            for choice in self._tests
            if class_of(choice).name not in done
            and applies(class_of(choice).needs, job.model, has_target=has_target, has_groups=has_groups)
        ]

    async def _stored(self) -> tuple[Result, ...]:
        evaluations = await self._site.thread.run(self._site.store.outcomes.evaluations, self._errand.job_id)
        return tuple(
            result
            for found in evaluations
            if (found.candidate_id, found.agent_id) == _OF_MODEL
            for result in found.results
        )

    async def _results(self, builder: Builder, job: JobInfo, choice: TestChoice) -> Sequence[Result]:
        stored = await self._site.thread.run(self._site.store.jobs.inspected_files, job.job_id)
        assert stored is not None
        assert job.model is not None
        assert job.dataset is not None
        blobs = self._site.blobs
        try:
            return await builder.examine(
                choice,
                job.spec,
                job.model,
                job.dataset,
                self._errand.plan,
                model=blobs.path(job.spec.model.sha256),
                dataset=blobs.path(job.dataset.sha256),
                reference=blobs.path(stored.reference_sha256),
                training=[blobs.path(file.sha256) for file in job.spec.training],
            )
        except MltestError as error:
            return [broken_result(class_of(choice).name, error)]
