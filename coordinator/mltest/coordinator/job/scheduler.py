"""Which visits an agent gets, in which order: pure functions from candidates, agent and plan."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mltest.coordinator.job.blocks import blocks
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.footprint import PROCESSES
from mltest.shared.domain import (
    AgentInfo,
    Candidate,
    DatasetInfo,
    EnergyCalls,
    EnergySpec,
    LatencySpec,
    Limits,
    MemorySpec,
    ModelInfo,
    OpenLoopSpec,
    VisitCandidate,
    VisitSpec,
)

_WINDOWS_OF_TRY = 4
"""For limits: with calls, twice idle, and a first look, none longer than one with calls may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What every visit of a job has in common."""

    job_id: str
    plan: Plan
    model: ModelInfo
    dataset: DatasetInfo
    latency: LatencySpec | None
    open_loop: OpenLoopSpec | None = None
    memory: MemorySpec | None = None
    """None if memory is not measured apart."""
    energy: EnergySpec | None = None
    energy_rounds: int = 0
    """How many rounds measure energy, on agents that can."""


def energy_visit(
    subject: Subject,
    agent: AgentInfo,
    candidates: Sequence[Candidate],
    *,
    round_index: int,
    calls: Mapping[str, tuple[EnergyCalls, ...]],
) -> VisitSpec:
    """Return a visit that measures the energy of `candidates`, one after the other.

    Args:
        subject: what all visits of the job have in common; energy is asked for.
        agent: the agent.
        candidates: at least one.
        round_index: of this visit.
        calls: by candidate, how many calls a window has; what is missing the agent finds out.

    """
    assert subject.energy is not None
    measured = (visit_candidate(candidate, subject.model) for candidate in candidates)
    return VisitSpec(
        visit_id=_visit_id(subject, agent, round_index),
        attempt=1,
        job_id=subject.job_id,
        round_index=round_index,
        seed=_seed(subject.plan.seed, agent.agent_id, round_index),
        dataset_sha256=subject.dataset.sha256,
        candidates=tuple(replace(one, energy_calls=calls.get(one.candidate_id, ())) for one in measured),
        energy=subject.energy,
        limits=_energy_limits(subject, agent, len(candidates)),
    )


def plan_visits(
    subject: Subject, agent: AgentInfo, candidates: Sequence[Candidate], *, rounds: Iterable[int], first_index: int = 0
) -> tuple[VisitSpec, ...]:
    """Return the visits of one agent in `rounds`, which count from 0: every block in each, as a round index of its own.

    A round index names one fresh process of each of its candidates, so that a baseline that belongs to two blocks is
    compared only with what was measured beside it. The same job, agent and round give the same visit.

    Args:
        subject: what they have in common.
        agent: the agent.
        candidates: that can run there.
        rounds: numbers from 0.
        first_index: round index of the first visit; behind a screening, which has had the predictions, above 0.

    """
    groups = blocks(candidates, agent.host.memory_bytes, subject.dataset)
    return tuple(
        _visit(
            *(subject, agent, first_index + number * len(groups) + position, group),
            is_first=number == 0,
            is_screened=first_index > 0,
            has_memory=number < PROCESSES,
        )
        for number in rounds
        for position, group in enumerate(groups)
    )


def narrowed(visits: Sequence[VisitSpec], active: Collection[str]) -> tuple[VisitSpec, ...]:
    """Return `visits` with only the candidates in `active`; a visit in which nothing is left to compare is left out.

    Args:
        visits: of one round, at least one.
        active: identities of the candidates that go on, those that are in every block among them.

    """
    if len(visits) == 1:
        return (replace(visits[0], candidates=without(visits[0], _others(visits[0], active))),)
    shared = set.intersection(*({one.candidate_id for one in visit.candidates} for visit in visits))
    kept = (replace(visit, candidates=without(visit, _others(visit, active))) for visit in visits)
    return tuple(visit for visit in kept if not shared.issuperset(one.candidate_id for one in visit.candidates))


def _others(visit: VisitSpec, active: Collection[str]) -> set[str]:
    return {candidate.candidate_id for candidate in visit.candidates} - set(active)


def _visit(
    subject: Subject,
    agent: AgentInfo,
    round_index: int,
    group: Sequence[Candidate],
    *,
    is_first: bool,
    is_screened: bool,
    has_memory: bool,
) -> VisitSpec:
    return VisitSpec(
        visit_id=_visit_id(subject, agent, round_index),
        attempt=1,
        job_id=subject.job_id,
        round_index=round_index,
        seed=_seed(subject.plan.seed, agent.agent_id, round_index),
        dataset_sha256=subject.dataset.sha256,
        candidates=tuple(_measured(candidate, subject) for candidate in group),
        latency=subject.latency,
        open_loop=subject.open_loop if is_first else None,
        memory=subject.memory if has_memory else None,
        collects_predictions=is_first and not is_screened,
        verifies_calls=is_first and not is_screened,
        limits=_limits(subject, agent, len(group) if is_first else 0),
    )


def _measured(candidate: Candidate, subject: Subject) -> VisitCandidate:
    """The reference does the same whatever it is fed, so that one batch size is enough of it."""
    found = visit_candidate(candidate, subject.model)
    if candidate.is_reference and subject.latency is not None:
        return replace(found, batch_sizes=(min(subject.latency.batch_sizes),))
    return found


def visit_candidate(candidate: Candidate, model: ModelInfo) -> VisitCandidate:
    """Return `candidate` as an agent needs to know it."""
    return VisitCandidate(
        candidate_id=candidate.candidate_id,
        runtime=candidate.runtime,
        format=candidate.format,
        artifact_sha256=candidate.artifact_sha256,
        task=model.task,
        output=model.output,
        feature_count=model.feature_count,
        classes=model.classes,
        input_dtype=candidate.input_dtype,
        threads=candidate.threads,
        options=candidate.options,
    )


def without(visit: VisitSpec, failed: Collection[str]) -> tuple[VisitCandidate, ...]:
    """Return the candidates of `visit` that have not failed on its agent before."""
    return tuple(candidate for candidate in visit.candidates if candidate.candidate_id not in failed)


def blobs_of(visits: Sequence[VisitSpec]) -> tuple[str, ...]:
    """Return every blob that `visits` need, the dataset first, each once."""
    needed = [
        sha256
        for visit in visits
        for sha256 in (visit.dataset_sha256, *(candidate.artifact_sha256 for candidate in visit.candidates))
    ]
    return tuple(dict.fromkeys(needed))


def series_total(visit: VisitSpec, candidate: VisitCandidate) -> int:
    """Return how many timed slices `candidate` sends in `visit` at most; of energy, how many batch sizes."""
    if visit.energy is not None:
        return len(visit.energy.batch_sizes)
    latency = visit.latency
    if latency is None:
        return 0
    sizes = candidate.batch_sizes or latency.batch_sizes
    return len(sizes) * max(1, len(latency.metrics)) * latency.slice_count


def _seed(seed: int, agent_id: str, round_index: int) -> int:
    digest = hashlib.sha256(f"{seed}/{agent_id}/{round_index}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _visit_id(subject: Subject, agent: AgentInfo, round_index: int) -> str:
    return hashlib.sha256(f"{subject.job_id}/{agent.agent_id}/{round_index}".encode()).hexdigest()[:20]


def _energy_limits(subject: Subject, agent: AgentInfo, candidate_count: int) -> Limits:
    """Return limits in which every window of every candidate may be as long as allowed, and be measured twice."""
    assert subject.energy is not None
    windows = 2 * _WINDOWS_OF_TRY * len(subject.energy.batch_sizes) * candidate_count
    limits = _limits(subject, agent, 0)
    return replace(limits, visit_timeout_ns=limits.visit_timeout_ns + windows * subject.energy.max_window_ns)


def _limits(subject: Subject, agent: AgentInfo, open_loops: int) -> Limits:
    """Return the limits of a visit in which so many candidates answer requests by a schedule."""
    plan, requests = subject.plan, subject.open_loop
    requests_ns = 2 * requests.duration_ns * len(requests.rates_per_s) * open_loops if requests else 0
    return Limits(
        load_timeout_ns=int(plan.load_timeout_s * 1e9),
        step_timeout_ns=int(plan.step_timeout_s * 1e9),
        visit_timeout_ns=int(plan.visit_timeout_s * 1e9) + requests_ns,
        memory_bytes=plan.memory_bytes or int(0.8 * agent.host.memory_bytes),
    )
