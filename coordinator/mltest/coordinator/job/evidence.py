"""Everything that a conclusion is drawn from, as the store has it: the same evidence gives the same conclusion."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mltest.coordinator.analysis.cells import Key, Problem
from mltest.coordinator.analysis.energy_evidence import NO_ENERGY, EnergyEvidence, RecordedRound
from mltest.coordinator.analysis.machines import agent_machines, worst_class
from mltest.coordinator.analysis.speed import drifts
from mltest.coordinator.analysis.standings import summarise
from mltest.coordinator.analysis.verification import verification_reason, verification_remarks
from mltest.coordinator.api import StoredEnergy, StoredSeries
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.job.blocks import blocks
from mltest.coordinator.job.deciding import decisions
from mltest.coordinator.job.energy_absence import energy_absence, told_absences
from mltest.coordinator.job.expected_visits import energy_of
from mltest.coordinator.job.matching import match
from mltest.coordinator.job.screening import Screening
from mltest.coordinator.job.slice_times import Cell, SliceTimes, objective_cell
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.profiles import stop_rule
from mltest.coordinator.planning.screening import is_screened
from mltest.coordinator.store import (
    CandidateOutcome,
    Store,
    StoredEnergyAbsent,
    StoredMachineState,
    StoredRemarks,
    StoredVerification,
    StoredVisit,
)
from mltest.coordinator.tests.agreement import LARGEST_VALUE
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.registry import sample_tests
from mltest.coordinator.tests.role import RoundSamples, SampleEvidence
from mltest.coordinator.tests.timing import merged_latency_spec
from mltest.shared.domain import (
    AgentInfo,
    AgentMachine,
    CallRemark,
    Candidate,
    DatasetInfo,
    EnergySpec,
    LatencySpec,
    MachineClass,
    ModelInfo,
    Outcome,
    Output,
    Result,
    Standing,
    Standings,
)
from mltest.shared.statistics.adaptive import StopReason
from mltest.shared.statistics.screening import SCREENING_SHARE
from mltest.shared.statistics.stopping import StopRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a job whose model was read."""

    plan: Plan
    model: ModelInfo
    dataset: DatasetInfo | None
    candidates: tuple[Candidate, ...]
    agents: tuple[AgentInfo, ...]
    samples: tuple[SampleEvidence, ...]
    evaluations: tuple[Evaluation, ...]
    problems: tuple[Problem, ...]
    machine_classes: Mapping[str, MachineClass]
    verification_reasons: Mapping[Key, str]
    verification_remarks: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    thread_counts: Mapping[Key, int] = field(default_factory=dict)
    machines: tuple[AgentMachine, ...] = ()
    screened: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By agent that is past a screening, the candidates that were measured in it only."""

    def conclusion(self) -> tuple[tuple[Result, ...], Standings]:
        """Return results and standings; takes a while with many samples."""
        rule = stop_rule(self.plan)
        return summarise(
            plan=self.plan,
            model=self.model,
            dataset=self.dataset,
            candidates=self.candidates,
            agents=self.agents,
            samples=self.samples,
            evaluations=self.evaluations,
            problems=self.problems,
            machine_classes=self.machine_classes,
            has_stop_rule=rule is not None,
            stops=lambda gated: stop_reasons(self, rule, gated) if rule else {},
            verification_reasons=self.verification_reasons,
            verification_remarks=self.verification_remarks,
            thread_counts=self.thread_counts,
            machines=self.machines,
        )


def read_evidence(store: Store, job_id: str) -> Evidence | None:
    """Return what the store has of a job; None if its model was never read. Slow with many samples."""
    job = store.jobs.get(job_id)
    if job.model is None:
        return None
    candidates = store.jobs.candidates(job_id)
    stored_remarks, states = store.outcomes.remarks(job_id), store.visits.machine_states(job_id)
    verifications, agents = store.outcomes.verifications(job_id), store.outcomes.participants(job_id)
    remarks = remarks_by_key(stored_remarks)
    evaluations = store.outcomes.evaluations(job_id)
    return Evidence(
        plan=parse_plan(job.spec.plan_toml),
        model=job.model,
        dataset=job.dataset,
        candidates=candidates,
        agents=agents,
        samples=_samples(
            *(job.model, candidates, store.visits.series(job_id), remarks),
            energy=_EnergyOfJob(
                *(tuple(store.visits.energy(job_id)), store.visits.energy_absent(job_id), agents),
                wanted=energy.energy_spec() if (energy := energy_of(job)) else None,
            ),
        ),
        evaluations=evaluations,
        problems=tuple(problems_of(store.outcomes.of_job(job_id), store.visits.of_job(job_id))),
        machine_classes=machine_classes(states),
        verification_reasons=verification_reasons(
            verifications, candidates, job.model, evaluations, parse_plan(job.spec.plan_toml)
        ),
        verification_remarks=partly_verified(verifications, job.dataset),
        thread_counts=thread_counts(stored_remarks),
        machines=agent_machines(
            states, {agent.agent_id: agent.name for agent in agents}, drifts(store.speed.of_job(job_id))
        ),
        screened=_screened(
            parse_plan(job.spec.plan_toml), candidates, agents, job.dataset, store.visits.of_job(job_id)
        ),
    )


def decided(store: Store, job_id: str, screening: Screening, latency: LatencySpec | None) -> frozenset[str]:
    """Return who is screened out on an agent, from all that is stored of the screening; slow with many samples.

    Only those lead whom the table would rank now: their predictions were let pass, and limits are kept.
    """
    evidence = read_evidence(store, job_id)
    assert evidence is not None
    agent_id = screening.agent.agent_id
    _, standings = evidence.conclusion()
    ranked = {row.candidate_id for row in standings.rows if row.rank is not None and row.agent_id == agent_id}
    cell = objective_cell(evidence.plan.objective, latency.batch_sizes if latency else ())
    return screening.out_of_times(_times(evidence, agent_id), frozenset(ranked), cell)


def gated_candidates(store: Store, job_id: str) -> dict[str, frozenset[str]]:
    """Return who is not let pass, as far as predictions were compared, by agent; slow with many samples."""
    evidence = read_evidence(store, job_id) if store.outcomes.evaluations(job_id) else None
    if evidence is None:
        return {}
    _, standings = evidence.conclusion()
    rows = [row for row in standings.rows if row.standing is Standing.GATED]
    return {
        agent_id: frozenset(row.candidate_id for row in rows if row.agent_id == agent_id)
        for agent_id in {row.agent_id for row in rows}
    }


def machine_classes(states: Iterable[StoredMachineState]) -> dict[str, MachineClass]:
    """Return the worst class of each agent's visits."""
    found: dict[str, MachineClass] = {}
    for one in states:
        found[one.agent_id] = worst_class((found.get(one.agent_id, one.state.machine_class), one.state.machine_class))
    return found


def remarks_by_key(stored: Iterable[StoredRemarks]) -> dict[Key, tuple[CallRemark, ...]]:
    """Return the remarks on each candidate and agent from all rounds, each once."""
    found: dict[Key, dict[CallRemark, None]] = {}
    for one in stored:
        found.setdefault((one.candidate_id, one.agent_id), {}).update(dict.fromkeys(one.remarks))
    return {key: tuple(remarks) for key, remarks in found.items()}


def thread_counts(stored: Iterable[StoredRemarks]) -> dict[Key, int]:
    """Return the most threads that worked in a process of each candidate, of those that were counted."""
    found: dict[Key, int] = {}
    for one in stored:
        if one.thread_count is not None:
            key = (one.candidate_id, one.agent_id)
            found[key] = max(found.get(key, 0), one.thread_count)
    return found


def partly_verified(stored: Iterable[StoredVerification], dataset: DatasetInfo | None) -> dict[Key, tuple[str, ...]]:
    """Return which calls of candidates were not compared on every row."""
    if dataset is None:
        return {}
    texts = (((one.verified.candidate_id, one.agent_id), one.verified) for one in stored)
    return {key: found for key, verified in texts if (found := verification_remarks(verified, dataset.row_count))}


def verification_reasons(
    stored: Iterable[StoredVerification],
    candidates: Sequence[Candidate],
    model: ModelInfo,
    evaluations: Sequence[Evaluation],
    plan: Plan,
) -> dict[Key, str]:
    """Return why the answers of timed calls rule candidates out, of each the first reason that there is."""
    by_id = {candidate.candidate_id: candidate for candidate in candidates}
    own_differences = _own_differences(evaluations)
    largest = [one.value for found in evaluations for one in found.results if one.metric == LARGEST_VALUE and one.value]
    scale = max(largest, default=1.0)
    are_probabilities = model.output is Output.PROBABILITIES
    found: dict[Key, str] = {}
    for one in stored:
        candidate_id = one.verified.candidate_id
        candidate = by_id.get(candidate_id)
        varies = candidate is not None and candidate.varies_with_batch
        own = own_differences.get((candidate_id, one.agent_id), 0.0) if varies else 0.0
        reason = verification_reason(
            one.verified,
            input_dtype=(candidate.input_dtype if candidate else "") or "float32",
            largest_value=scale,
            are_probabilities=are_probabilities,
            min_label_agreement=1 - plan.lossy_max_differing_ratio if varies else plan.min_label_agreement,
            max_abs_difference=max(plan.max_abs_difference, own),
        )
        if reason:
            found.setdefault((candidate_id, one.agent_id), reason)
    return found


def _own_differences(evaluations: Iterable[Evaluation]) -> dict[Key, float]:
    """Return how far predictions are from the native model's; where answers vary with the batch, calls may be too."""
    return {
        (found.candidate_id, found.agent_id): one.value
        for found in evaluations
        for one in found.results
        if one.metric == "max_abs_difference" and one.value is not None
    }


def stop_reasons(evidence: Evidence, rule: StopRule, gated: Collection[Key] = ()) -> dict[Key, StopReason]:
    """Return why candidates were not measured again, decided anew from samples; those of `gated` eliminate nobody."""
    found: dict[Key, StopReason] = {}
    possible = [candidate for candidate in evidence.candidates if candidate.is_possible]
    for agent in evidence.agents:
        screening = Screening(
            agent=agent, candidates=match(agent, possible, evidence.plan).candidates, dataset=evidence.dataset
        )
        out = evidence.screened.get(agent.agent_id)
        found |= {(candidate_id, agent.agent_id): StopReason.SCREENED for candidate_id in out or ()}
        fitting = screening.left(out or frozenset())
        groups = blocks(fitting, agent.host.memory_bytes, evidence.dataset) if fitting else ()
        times = _times(evidence, agent.agent_id, first_index=0 if out is None else screening.end)
        own_rule = rule if out is None else replace(rule, level_share=1 - SCREENING_SHARE)
        failed = _failed(evidence.problems, agent.agent_id)
        not_passed = {candidate_id for candidate_id, agent_id in gated if agent_id == agent.agent_id}
        cell = _objective_cell(evidence)
        for decision in decisions(times, groups, failed, cell=cell, rule=own_rule, gated=not_passed):
            for candidate_id, reason in decision.stopped.items():
                found.setdefault((candidate_id, agent.agent_id), reason)
    return found


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


class _EnergyOfJob:
    """What is stored of energy, to be given to each candidate on each agent."""

    def __init__(
        self,
        stored: Sequence[StoredEnergy],
        absent: Sequence[StoredEnergyAbsent],
        agents: Sequence[AgentInfo],
        wanted: EnergySpec | None,
    ) -> None:
        self._rounds: dict[Key, list[RecordedRound]] = {}
        self._absent = absent
        self._wanted = wanted
        self._agents = {agent.agent_id: agent for agent in agents}
        for one in stored:
            key = (one.recorded.candidate_id, one.agent_id)
            found = RecordedRound(round_index=one.round_index, recorded=one.recorded)
            self._rounds.setdefault(key, []).append(found)

    def of(self, candidate_id: str, agent_id: str) -> EnergyEvidence:
        """Return what there is of one candidate, or why there is nothing."""
        rounds = tuple(self._rounds.get((candidate_id, agent_id), ()))
        agent = self._agents.get(agent_id)
        return EnergyEvidence(
            rounds=rounds,
            idle=tuple(self._rounds.get(("", agent_id), ())) if rounds else (),
            absence="" if agent is None else self._absence(agent, candidate_id, has_rounds=bool(rounds)),
        )

    def _absence(self, agent: AgentInfo, candidate_id: str, *, has_rounds: bool) -> str:
        """Return why there is nothing, or, with some rounds, what the agent said of others."""
        if has_rounds and not told_absences(agent, self._absent, candidate_id):
            return ""
        return energy_absence(agent, self._absent, candidate_id, self._wanted)


def _samples(
    model: ModelInfo,
    candidates: Sequence[Candidate],
    stored: Iterator[StoredSeries],
    remarks: Mapping[Key, tuple[CallRemark, ...]],
    *,
    energy: _EnergyOfJob,
) -> tuple[SampleEvidence, ...]:
    sizes = {candidate.candidate_id: candidate.artifact_bytes or 0 for candidate in candidates}
    references = {candidate.candidate_id for candidate in candidates if candidate.is_reference}
    rounds: dict[Key, dict[int, list[StoredSeries]]] = {}
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
            remarks=remarks.get((candidate_id, agent_id), ()),
            energy=NO_ENERGY if candidate_id in references else energy.of(candidate_id, agent_id),
        )
        for (candidate_id, agent_id), by_round in rounds.items()
    )


def _screened(
    plan: Plan,
    candidates: Sequence[Candidate],
    agents: Sequence[AgentInfo],
    dataset: DatasetInfo | None,
    visits: Sequence[StoredVisit],
) -> dict[str, frozenset[str]]:
    """Return who was measured in the screening only, by agent that is past it."""
    possible = [candidate for candidate in candidates if candidate.is_possible]
    if not is_screened(plan, sum(not candidate.is_reference for candidate in possible)):
        return {}
    screenings = (
        Screening(agent=agent, candidates=match(agent, possible, plan).candidates, dataset=dataset) for agent in agents
    )
    found = ((one.agent.agent_id, one.out_of_visits(visits)) for one in screenings if one.candidates)
    return {agent_id: out for agent_id, out in found if out is not None}


def _times(evidence: Evidence, agent_id: str, *, first_index: int = 0) -> SliceTimes:
    times = SliceTimes(evidence.plan.objective)
    for found in evidence.samples:
        if found.agent_id == agent_id:
            for one_round in (one for one in found.rounds if one.round_index >= first_index):
                times.add(one_round.round_index, one_round.series)
    return times


def _failed(problems: Iterable[Problem], agent_id: str) -> Collection[str]:
    return {one.candidate_id for one in problems if one.agent_id == agent_id and one.standing is Standing.FAILED}


def _objective_cell(evidence: Evidence) -> Cell | None:
    has_target = evidence.dataset is not None and evidence.dataset.has_target
    tests = sample_tests(chosen_tests(evidence.plan, evidence.model, has_target=has_target))
    latency = merged_latency_spec([spec for test in tests if (spec := test.latency_spec()) is not None])
    return objective_cell(evidence.plan.objective, latency.batch_sizes if latency else ())
