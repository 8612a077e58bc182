"""Measures the candidates of an earlier job beside those of this one: old against new, in the same slices."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from mltest.coordinator.analysis.comparison import EARLIER_PREFIX
from mltest.coordinator.analysis.measured import own
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.matching import PICKLE_FORMAT
from mltest.shared.domain import Candidate, CandidateUpdated, JobInfo, JobNote, ModelInfo
from mltest.shared.errors import BlobUnknownError, JobStateError, MltestError, ModelRefusedError, RequestInvalidError

_DIGITS = 6
"""Of the earlier job's identity, in the labels of its candidates."""


def earlier_candidates(
    earlier: JobInfo,
    candidates: Sequence[Candidate],
    runtimes: Sequence[str],
    has: Callable[[str], bool],
    *,
    allows_pickle: bool,
) -> tuple[Candidate, ...]:
    """Return the candidates of an earlier job as those of another one; what cannot be used has a reason instead.

    Args:
        earlier: the job that they come from.
        candidates: all of that job; its reference and what it took from others are left out.
        runtimes: only those of these runtimes; empty means all.
        has: whether the bytes of an artifact are still here.
        allows_pickle: whether a pickle may be opened.

    """
    return tuple(
        _taken(found, earlier, _obstacle(found, earlier, has, allows_pickle=allows_pickle))
        for found in own(candidates)
        if found.is_possible and (not runtimes or found.runtime in runtimes)
    )


def check_usable(earlier: JobInfo) -> None:
    """Return if candidates may be taken from `earlier`.

    Raises:
        JobStateError: it has not got as far as having any.

    """
    if earlier.model is None:
        detail = "nothing was made in it that could be measured again"
        raise JobStateError(job_id=earlier.job_id, state=earlier.state.value, detail=detail)


def check_fit(earlier: JobInfo, model: ModelInfo) -> None:
    """Return if the candidates of `earlier` answer the same question as those of `model`.

    Raises:
        RequestInvalidError: they do not; it says in what they differ.

    """
    check_usable(earlier)
    assert earlier.model is not None
    for what, then, now in (
        ("task", earlier.model.task.value, model.task.value),
        ("number of features", earlier.model.feature_count, model.feature_count),
        ("classes", ", ".join(earlier.model.classes), ", ".join(model.classes)),
        ("output", earlier.model.output.value, model.output.value),
    ):
        if then != now:
            raise RequestInvalidError(
                detail=f"the model of job {earlier.job_id} cannot be measured beside this one: "
                f"{what} {str(then)[:80]}, here {str(now)[:80]}"
            )


class Against:
    """The earlier job of an errand, if there is one."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._site = errand.site

    async def check(self, model: ModelInfo) -> None:
        """Return if this job's `model` can be measured against the earlier job, or if there is none."""
        if self._errand.spec.against_job_id:
            check_fit(await self._earlier(), model)

    async def add_candidates(self) -> None:
        """Store the candidates of the earlier job behind those of this one; doing it again changes nothing."""
        if not self._errand.spec.against_job_id:
            return
        earlier = await self._earlier()
        jobs, blobs = self._site.store.jobs, self._site.blobs
        candidates = await self._site.thread.run(jobs.candidates, earlier.job_id)
        # Pinned before they are looked for, so that nothing makes room for others in between.
        self._errand.pin(*{found.artifact_sha256 for found in candidates if found.is_possible})
        taken = earlier_candidates(
            earlier,
            candidates,
            self._errand.plan.runtimes,
            lambda sha256: blobs.status(sha256).is_complete,
            allows_pickle=self._errand.spec.allows_pickle,
        )
        await self._site.thread.run(jobs.put_candidates, self._errand.job_id, taken)
        await self._errand.tell(*(CandidateUpdated(candidate=found) for found in taken))
        if not taken:
            await self._errand.tell(JobNote(text=f"job {earlier.job_id} has no candidate that could be measured again"))

    async def _earlier(self) -> JobInfo:
        return await self._site.thread.run(self._site.store.jobs.get, self._errand.spec.against_job_id)


def _taken(candidate: Candidate, earlier: JobInfo, obstacle: MltestError | None) -> Candidate:
    taken = replace(
        candidate,
        candidate_id=EARLIER_PREFIX + candidate.candidate_id,
        label=f"{candidate.label} ({earlier.job_id[:_DIGITS]})",
        is_baseline=False,
        from_job_id=earlier.job_id,
    )
    if obstacle is None:
        return taken
    return replace(
        taken,
        artifact_sha256="",
        artifact_bytes=None,
        reason_code=obstacle.code,
        reason=obstacle.message,
    )


def _obstacle(
    candidate: Candidate, earlier: JobInfo, has: Callable[[str], bool], *, allows_pickle: bool
) -> MltestError | None:
    if candidate.format == PICKLE_FORMAT and not allows_pickle:
        return ModelRefusedError(
            detail=f"the candidate of job {earlier.job_id} is a pickle; repeat with --allow-pickle"
        )
    if not has(candidate.artifact_sha256):
        remedy = f"submit the model of job {earlier.job_id} again to have them made anew"
        return BlobUnknownError(f"its bytes made room for others; {remedy}")
    return None
