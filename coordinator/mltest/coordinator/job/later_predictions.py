"""Prediction tests that are made of predictions which were evaluated before."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from mltest.coordinator.builder.builder import Builder, Evaluation, PredictionFile
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.evaluating import PORTION, Evaluate
from mltest.coordinator.job.prediction_files import evaluate_with, prediction_files
from mltest.coordinator.job.renewal import Renewal
from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.broken import BROKE, broken_result, untried_result
from mltest.coordinator.tests.registry import applies, class_of, is_prediction_test
from mltest.shared.domain import JobInfo
from mltest.shared.errors import MltestError

_Key = tuple[str, str]
"""Agent and candidate."""


class LaterPredictions:
    """Runs what is missing, a few files at a time, and stores each portion at once: it may be stopped at any moment."""

    def __init__(self, errand: Errand, tests: Sequence[TestChoice], renewal: Renewal | None = None) -> None:
        self._errand = errand
        self._renewal = renewal or Renewal()
        self._site = errand.site
        self._tests = tests

    async def run(self, builder: Builder, job: JobInfo) -> None:
        """Make the tests that have said nothing yet of predictions, or are made anew; they may gate a candidate."""
        stored = await self._stored()
        for missing, files in self._groups(job, stored, await prediction_files(self._errand)):
            evaluate = (await evaluate_with(self._errand, builder, job))(missing)
            async for found in _evaluated(missing, files, evaluate):
                merged = [self._merged(stored[one.agent_id, one.candidate_id], one, missing) for one in found]
                await self._site.thread.run(self._site.store.outcomes.put_evaluations, job.job_id, merged)

    async def is_done(self, job: JobInfo) -> bool:
        """Return whether there is nothing to do (any more)."""
        return not self._groups(job, await self._stored(), await prediction_files(self._errand))

    async def _stored(self) -> Mapping[_Key, Evaluation]:
        evaluations = await self._site.thread.run(self._site.store.outcomes.evaluations, self._errand.job_id)
        return {(found.agent_id, found.candidate_id): found for found in evaluations}

    def _groups(
        self, job: JobInfo, stored: Mapping[_Key, Evaluation], files: Sequence[PredictionFile]
    ) -> list[tuple[tuple[TestChoice, ...], list[PredictionFile]]]:
        """Return the files that are still here and lack the same tests, together with those."""
        fitting = self._fitting(job)
        groups: dict[tuple[int, ...], list[PredictionFile]] = {}
        for file in files:
            known = stored.get((file.agent_id, file.candidate_id))
            if known is None or not known.results or not file.path.exists():
                continue
            said = self._renewal.done(known.results)
            missing = tuple(place for place, choice in enumerate(fitting) if class_of(choice).name not in said)
            if missing:
                groups.setdefault(missing, []).append(replace(file, is_compared=True))
        return [(tuple(fitting[place] for place in places), found) for places, found in groups.items()]

    def _merged(self, stored: Evaluation, found: Evaluation, tests: Sequence[TestChoice]) -> Evaluation:
        """Return what was said before with what `tests` say now; one that says nothing is kept as such."""
        said = {result.test for result in found.results}
        silent = [
            replace(
                untried_result(name, "it says nothing of these predictions", candidate_id=stored.candidate_id),
                agent_id=stored.agent_id,
            )
            for choice in tests
            if (name := class_of(choice).name) not in said
        ]
        results = self._renewal.merged(stored.results, (*found.results, *silent))
        reasons = (*_reasons_that_stay(stored.gate_reason, tests), *filter(None, [found.gate_reason]))
        return replace(stored, results=results, gate_reason="; ".join(dict.fromkeys(reasons)))

    def _fitting(self, job: JobInfo) -> list[TestChoice]:
        assert job.model is not None
        assert job.dataset is not None
        has_target, has_groups = job.dataset.has_target, bool(job.dataset.group_counts)
        return [
            choice
            for choice in self._tests
            if is_prediction_test(class_of(choice))
            and applies(class_of(choice).needs, job.model, has_target=has_target, has_groups=has_groups)
        ]


async def _evaluated(
    tests: Sequence[TestChoice], files: Sequence[PredictionFile], evaluate: Evaluate
) -> AsyncIterator[Sequence[Evaluation]]:
    """Yield evaluations in portions; one that breaks is made file by file, and what breaks then says how."""
    for begin in range(0, len(files), PORTION):
        portion = files[begin : begin + PORTION]
        try:
            yield await evaluate(portion)
        except MltestError:
            yield [await _single(tests, file, evaluate) for file in portion]


async def _single(tests: Sequence[TestChoice], file: PredictionFile, evaluate: Evaluate) -> Evaluation:
    try:
        (found,) = await evaluate([file])
    except MltestError as error:
        candidate_id, agent_id = file.candidate_id, file.agent_id
        broken = tuple(
            broken_result(class_of(choice).name, error, candidate_id=candidate_id, agent_id=agent_id)
            for choice in tests
        )
        return Evaluation(candidate_id=candidate_id, agent_id=agent_id, results=broken, gate_reason="")
    return found


def _reasons_that_stay(gate_reason: str, tests: Sequence[TestChoice]) -> list[str]:
    """Return the parts of a gate's reason but those that say that one of `tests` broke, which is made now."""
    broken = tuple(f"{class_of(choice).name}: {BROKE}" for choice in tests)
    return [part for part in gate_reason.split("; ") if part and not part.startswith(broken)]
