"""The tests of the submitted model and its data, once for a job, after all measuring is done."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import fields

from mltest.coordinator.builder.builder import Builder, Evaluation
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.renewal import Renewal
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.broken import broken_result
from mltest.coordinator.tests.registry import applies, class_of, is_default, model_tests
from mltest.shared.domain import JobInfo, Result
from mltest.shared.errors import MltestError

_OF_MODEL = ("", "")
"""Candidate and agent of results that are of the model and its data: none."""


class Examination:
    """Runs each test in a request of its own, so that one that breaks or takes too long harms no other.

    Tests that take long are made by several builders, one for each core: nothing is being measured meanwhile.
    """

    def __init__(self, errand: Errand, tests: Sequence[TestChoice], renewal: Renewal | None = None) -> None:
        self._errand = errand
        self._renewal = renewal or Renewal()
        self._site = errand.site
        self._tests = model_tests(tests)

    async def is_done(self, job: JobInfo) -> bool:
        """Return whether there is nothing to do (any more)."""
        return not self._waiting(job, await self._stored())

    async def builder_count(self, job: JobInfo) -> int:
        """Return how many builders have something to do for longer than it takes to start one."""
        waiting = self._waiting(job, await self._stored())
        return max(1, min(len(os.sched_getaffinity(0)), sum(_takes_long(choice) for choice in waiting) // 2))

    async def run(self, builders: Sequence[Builder], job: JobInfo) -> None:
        """Run the tests that apply, and store what each says as soon as it has: a job may be stopped at any moment."""
        stored = await self._stored()
        # Taken from the end. Those that take long come first where several work, so that none is left to one of them in
        # the end; else last, so that a job that is stopped has kept most.
        waiting = sorted(self._waiting(job, stored), key=_takes_long, reverse=len(builders) == 1)
        notebook = _Notebook(self._errand, stored, self._renewal)

        async def work(builder: Builder) -> None:
            while waiting:
                await notebook.add(await self._results(builder, job, waiting.pop()))

        try:
            async with asyncio.TaskGroup() as tasks:
                for builder in builders:
                    tasks.create_task(work(builder))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    def _waiting(self, job: JobInfo, results: Sequence[Result]) -> list[TestChoice]:
        """Return the tests that apply and have said nothing yet, or are to say it anew."""
        assert job.model is not None
        assert job.dataset is not None
        has_target, has_groups = job.dataset.has_target, bool(job.dataset.group_counts)
        done = self._renewal.done(results)
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


class _Notebook:
    """What was said so far; it is stored as one."""

    def __init__(self, errand: Errand, results: Sequence[Result], renewal: Renewal) -> None:
        self._errand = errand
        self._renewal = renewal
        self._results = tuple(results)
        self._turn = asyncio.Lock()

    async def add(self, results: Sequence[Result]) -> None:
        async with self._turn:
            self._results = self._renewal.merged(self._results, results)
            found = Evaluation(candidate_id="", agent_id="", results=self._results, gate_reason="")
            site = self._errand.site
            await site.thread.run(site.store.outcomes.put_evaluations, self._errand.job_id, [found])


def _takes_long(choice: TestChoice) -> bool:
    """Return whether a test has a budget of time to use, and is made only where it is asked for."""
    test_class = class_of(choice)
    names = {item.name for item in fields(test_class)}  # type: ignore[arg-type]  # every test is a dataclass
    return "budget_s" in names and not is_default(test_class)
