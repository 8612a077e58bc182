"""From samples and predictions to results and the final table."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from mltest.coordinator.builder.builder import Builder, Evaluation, PredictionFile
from mltest.coordinator.job.candidate_examination import CandidateExamination
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.evaluating import evaluated
from mltest.coordinator.job.evidence import read_evidence
from mltest.coordinator.job.examination import Examination
from mltest.coordinator.job.prediction_files import evaluate_with, prediction_files
from mltest.coordinator.job.preparation import open_builder, open_builders
from mltest.coordinator.job.renewal import Renewal
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.shared.domain import JobInfo, StepStarted


class Conclusion:
    """Evaluates what is not evaluated yet, and makes the table of what there is."""

    def __init__(self, errand: Errand, folder: Path, renewal: Renewal | None = None) -> None:
        """Evaluate for `errand`, in `folder`; `renewal` says which tests are made anew."""
        self._errand = errand
        self._renewal = renewal or Renewal()
        self._site = errand.site
        self._folder = folder

    async def evaluate(self) -> None:
        """Run the tests that were not made yet, and those that are made anew."""
        outcomes, job_id = self._site.store.outcomes, self._errand.job_id
        job = await self._site.thread.run(self._site.store.jobs.get, job_id)
        assert job.model is not None
        assert job.dataset is not None
        tests = chosen_tests(
            self._errand.plan,
            job.model,
            has_target=job.dataset.has_target,
            has_groups=bool(job.dataset.group_counts),
        )
        files = await self._files()
        examination = Examination(self._errand, tests, self._renewal)
        of_candidates = CandidateExamination(self._errand, tests, self._renewal)
        is_examined, are_compared = await examination.is_done(job), await of_candidates.is_done(job)
        if not files and is_examined and are_compared:
            return
        text = f"comparing {len(files)} sets of predictions" if files else "examining the model and its data"
        await self._errand.tell(StepStarted(step="evaluate", text=text))
        async with open_builder(self._folder) as builder:
            if files:
                async for evaluations in self._evaluations(builder, job, tests, files):
                    await self._site.thread.run(outcomes.put_evaluations, job_id, evaluations)
            if files and not (is_examined and are_compared):
                await self._errand.tell(StepStarted(step="examine", text="examining the model and its data"))
            if not are_compared:
                await of_candidates.run(builder, job)
            count = 0 if is_examined else await examination.builder_count(job)
            if count == 1:
                await examination.run([builder], job)
        if count > 1:
            async with open_builders(self._folder, count) as builders:
                await examination.run(builders, job)

    async def summarise(self) -> None:
        """Store results and standings of what there is now."""
        evidence = await self._site.thread.run(read_evidence, self._site.store, self._errand.job_id)
        if evidence is None:
            return
        results, standings = await asyncio.to_thread(evidence.conclusion)
        await self._site.thread.run(self._site.store.outcomes.conclude, self._errand.job_id, results, standings)

    async def _files(self) -> list[PredictionFile]:
        """Return the predictions that were not evaluated yet, or could not be and are to be now."""
        found = await self._site.thread.run(self._site.store.outcomes.evaluations, self._errand.job_id)
        known = {(one.agent_id, one.candidate_id) for one in found if one.results or not self._renewal.is_asked}
        return [
            file for file in await prediction_files(self._errand) if (file.agent_id, file.candidate_id) not in known
        ]

    async def _evaluations(
        self, builder: Builder, job: JobInfo, tests: Sequence[TestChoice], files: Sequence[PredictionFile]
    ) -> AsyncIterator[tuple[Evaluation, ...]]:
        """Yield the evaluations of `files`, in portions."""
        async for portion in evaluated(files, tests, await evaluate_with(self._errand, builder, job)):
            yield portion
