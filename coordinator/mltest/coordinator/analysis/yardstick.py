"""What ties a candidate's times of two jobs together: something that was measured beside it in both of them.

Two jobs are not measured side by side, and a machine is not as fast today as it was yesterday: absolute times vary by 8
to 10 % from run to run. Their ratio to a yardstick, which was measured in the same slices, varies by 1.2 to 1.7 %.
"""

from dataclasses import dataclass

from mltest.coordinator.analysis.measured import Measured, MeasuredJob
from mltest.shared.domain import Basis, Candidate
from mltest.shared.statistics.paired import round_logs

_PYTHON_CALL = "latency_ns"
_VERSIONS = ("mltest", "python", "numpy", "scikit-learn", "scipy")
"""Packages that a native baseline depends on, whatever its runtime is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """The same thing in one or in two jobs."""

    basis: Basis
    """REFERENCE or BASELINE."""
    candidate_id: str
    """Of the candidate in the first job; in the other, it is `other_id`."""
    other_id: str = ""


def shared_yardstick(one: MeasuredJob, other: MeasuredJob, agent_id: str) -> Yardstick | None:
    """Return what both jobs measured on an agent beside everything else; None if there is nothing.

    The pinned reference if its artifact is the same; otherwise the native baseline, if artifact, threads, options, and
    the versions that it depends on are the same.
    """
    pairs = ((Basis.REFERENCE, one.reference, other.reference), (Basis.BASELINE, one.baseline, other.baseline))
    for basis, ours, theirs in pairs:
        if ours is None or theirs is None or _recipe(ours) != _recipe(theirs):
            continue
        if basis is Basis.BASELINE and not _is_same_software(one, other, agent_id, ours.runtime):
            continue
        if (ours.candidate_id, agent_id) in one.by_key and (theirs.candidate_id, agent_id) in other.by_key:
            return Yardstick(basis=basis, candidate_id=ours.candidate_id, other_id=theirs.candidate_id)
    return None


def logs_to(
    candidate: Measured, yardstick: Measured, metric: str, batch_size: int, statistic: str, basis: Basis
) -> tuple[float, ...]:
    """Return for each round the log ratio of a candidate's times to those of the yardstick in the same slices.

    The reference does the same whatever it is fed, so that its one batch size serves every one; a baseline is timed
    with the same form and batch size.
    """
    times = candidate.times(metric, batch_size, statistic)
    if basis is Basis.REFERENCE:
        beside = yardstick.times(_PYTHON_CALL, yardstick.smallest_batch(_PYTHON_CALL), statistic)
    else:
        beside = yardstick.times(metric, batch_size, statistic)
    return tuple(round_logs(times, beside).values())


def _recipe(candidate: Candidate) -> tuple[object, ...]:
    options = tuple(sorted(candidate.options.items()))
    return candidate.artifact_sha256, candidate.runtime, candidate.threads, options, candidate.input_dtype


def _is_same_software(one: MeasuredJob, other: MeasuredJob, agent_id: str, runtime: str) -> bool:
    ours, theirs = (job.environments.get(agent_id, {}) for job in (one, other))
    return all(ours.get(name) == theirs.get(name) for name in (*_VERSIONS, runtime))
