"""From samples and predictions to results and the final table."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mltest.coordinator.analysis.standings import Problem, summarise
from mltest.coordinator.api import StoredSeries
from mltest.coordinator.builder.builder import Builder, Evaluation, PredictionFile
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.preparation import open_builder
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.store import CandidateOutcome, Store, StoredVisit
from mltest.coordinator.tests.registry import default_tests
from mltest.coordinator.tests.role import RoundSamples, SampleEvidence
from mltest.shared.domain import AgentInfo, Candidate, JobInfo, ModelInfo, Outcome, Standing, StepStarted
from mltest.shared.errors import MltestError


class Conclusion:
    """Evaluates what is not evaluated yet, and makes the table of what there is."""

    def __init__(self, errand: Errand, folder: Path) -> None:
        self._errand = errand
        self._site = errand.site
        self._folder = folder

    async def evaluate(self) -> None:
        """Run the prediction tests on predictions that were not evaluated yet."""
        outcomes, job_id = self._site.store.outcomes, self._errand.job_id
        job = await self._site.thread.run(self._site.store.jobs.get, job_id)
        assert job.model is not None
        assert job.dataset is not None
        tests = self._errand.plan.tests or default_tests(job.model, has_target=job.dataset.has_target)
        known = {
            (found.agent_id, found.candidate_id) for found in await self._site.thread.run(outcomes.evaluations, job_id)
        }
        files = [
            PredictionFile(
                candidate_id=found.candidate_id, agent_id=found.agent_id, path=self._site.blobs.path(found.sha256)
            )
            for found in await self._site.thread.run(outcomes.predictions, job_id)
            if (found.agent_id, found.candidate_id) not in known
        ]
        if not files:
            return
        await self._errand.tell(StepStarted(step="evaluate", text=f"comparing {len(files)} sets of predictions"))
        async with open_builder(self._folder) as builder:
            evaluations = await self._evaluations(builder, job, tests, files)
        await self._site.thread.run(outcomes.put_evaluations, job_id, evaluations)

    async def summarise(self) -> None:
        """Store results and standings of what there is now."""
        evidence = await self._site.thread.run(_read_evidence, self._site.store, self._errand.job_id)
        if evidence.job.model is None:
            return
        results, standings = await asyncio.to_thread(
            summarise,
            plan=self._errand.plan,
            model=evidence.job.model,
            dataset=evidence.job.dataset,
            candidates=evidence.candidates,
            agents=evidence.agents,
            samples=evidence.samples,
            evaluations=evidence.evaluations,
            problems=evidence.problems,
        )
        await self._site.thread.run(self._site.store.outcomes.conclude, self._errand.job_id, results, standings)

    async def _evaluations(
        self, builder: Builder, job: JobInfo, tests: Sequence[TestChoice], files: Sequence[PredictionFile]
    ) -> tuple[Evaluation, ...]:
        """Evaluate all files at once; if that breaks, one by one, so that one bad file harms no other candidate."""
        stored = await self._site.thread.run(self._site.store.jobs.inspected_files, job.job_id)
        assert stored is not None
        assert job.model is not None
        assert job.dataset is not None
        dataset = self._site.blobs.path(job.dataset.sha256)
        reference = self._site.blobs.path(stored.reference_sha256)
        plan = self._errand.plan
        try:
            return await builder.evaluate(
                tests, job.model, plan, dataset=dataset, reference=reference, predictions=files
            )
        except MltestError as error:
            if len(files) == 1:
                reason = f"its predictions cannot be evaluated: {error.message}"
                only = files[0]
                broken = Evaluation(
                    candidate_id=only.candidate_id, agent_id=only.agent_id, results=(), gate_reason=reason
                )
                return (broken,)
        single = [await self._evaluations(builder, job, tests, [file]) for file in files]
        return tuple(evaluation for found in single for evaluation in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    job: JobInfo
    candidates: tuple[Candidate, ...]
    agents: tuple[AgentInfo, ...]
    samples: tuple[SampleEvidence, ...]
    evaluations: tuple[Evaluation, ...]
    problems: tuple[Problem, ...]


def _read_evidence(store: Store, job_id: str) -> _Evidence:
    job = store.jobs.get(job_id)
    candidates = store.jobs.candidates(job_id)
    return _Evidence(
        job=job,
        candidates=candidates,
        agents=store.outcomes.participants(job_id),
        samples=_samples(job.model, candidates, store.visits.series(job_id)) if job.model else (),
        evaluations=store.outcomes.evaluations(job_id),
        problems=tuple(problems_of(store.outcomes.of_job(job_id), store.visits.of_job(job_id))),
    )


def _samples(
    model: ModelInfo, candidates: Sequence[Candidate], stored: Iterator[StoredSeries]
) -> tuple[SampleEvidence, ...]:
    sizes = {candidate.candidate_id: candidate.artifact_bytes or 0 for candidate in candidates}
    rounds: dict[tuple[str, str], dict[int, list[StoredSeries]]] = {}
    for found in stored:
        key = (found.series.candidate_id, found.agent_id)
        rounds.setdefault(key, {}).setdefault(found.round_index, []).append(found)
    return tuple(
        SampleEvidence(
            candidate_id=candidate_id,
            agent_id=agent_id,
            artifact_bytes=sizes.get(candidate_id, 0),
            model=model,
            rounds=tuple(
                RoundSamples(round_index=index, series=tuple(found.series for found in of_round))
                for index, of_round in sorted(by_round.items())
            ),
        )
        for (candidate_id, agent_id), by_round in rounds.items()
    )


def problems_of(outcomes: Sequence[CandidateOutcome], visits: Sequence[StoredVisit]) -> Iterator[Problem]:
    """Yield what kept candidates from being measured: what they did themselves first, then what became of visits."""
    for outcome in outcomes:
        if outcome.outcome is None:
            standing = Standing.IMPOSSIBLE
        elif outcome.outcome is Outcome.FAILED:
            standing = Standing.FAILED
        else:
            continue
        yield Problem(
            candidate_id=outcome.candidate_id, agent_id=outcome.agent_id, standing=standing, reason=outcome.reason
        )
    explained = {(outcome.agent_id, outcome.candidate_id) for outcome in outcomes}
    for visit in visits:
        reason = visit.reason if visit.outcome else "the job was stopped before it was measured"
        for candidate in visit.spec.candidates:
            key = (visit.agent_id, candidate.candidate_id)
            if visit.outcome is not Outcome.OK and key not in explained:
                explained.add(key)
                standing = Standing.FAILED if visit.outcome is Outcome.FAILED else Standing.UNMEASURED
                yield Problem(
                    candidate_id=candidate.candidate_id, agent_id=visit.agent_id, standing=standing, reason=reason
                )
