"""From candidates to samples: matches them with agents, plans visits, and keeps every agent busy in parallel."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from mltest.coordinator.fleet.fleet import is_usable
from mltest.coordinator.job.budget import is_over_budget
from mltest.coordinator.job.dispatch import AgentDispatch
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.evidence import decided, gated_candidates
from mltest.coordinator.job.journal import StoreFailedError
from mltest.coordinator.job.killers import Killers
from mltest.coordinator.job.matching import Mismatch, match
from mltest.coordinator.job.recruiting import recruited
from mltest.coordinator.job.rounds import Rounds
from mltest.coordinator.job.scheduler import Subject, plan_visits
from mltest.coordinator.job.screen_rounds import ScreenRounds, first_screen_rounds
from mltest.coordinator.job.screening import Screening, screened_texts
from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.coordinator.planning.profiles import first_rounds, slice_values, stop_rule
from mltest.coordinator.planning.screening import SCREEN_ROUNDS, is_screened, screening_spec
from mltest.coordinator.store import CandidateOutcome
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.footprint import merged_memory_spec
from mltest.coordinator.tests.open_loop import merged_open_loop_spec
from mltest.coordinator.tests.registry import sample_tests
from mltest.coordinator.tests.timing import merged_latency_spec
from mltest.shared.domain import (
    AgentInfo,
    AgentUpdated,
    Candidate,
    FleetAgent,
    JobNote,
    LatencySpec,
    Outcome,
    StepStarted,
    VisitSpec,
)
from mltest.shared.errors import NoAgentError, VisitInterruptedError, error_class

_UNTIMED_ROUNDS = 3
"""Of a job that measures memory and loading, but no calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Partner:
    """An agent that takes part."""

    agent: AgentInfo
    address: str
    candidates: tuple[Candidate, ...]
    """That can run there; at least one besides the reference."""
    first_index: int = 0
    """Of its first round; behind a screening above 0."""


class Measurement:
    """Measures what is not measured yet."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._site = errand.site
        self._screens = False
        """Whether what is measured now is the screening."""
        self._gated: dict[str, frozenset[str]] = {}
        """Who is not let pass, by agent, as far as predictions were compared before this life of the job or in it."""

    async def screen(self) -> bool:
        """Measure every candidate in a few short rounds, if the job has a screening that is not over; return whether.

        Predictions are evaluated behind it, before `run`: who is not let pass must not screen out anybody.

        Raises:
            MltestError: as of `run`.

        """
        candidates = await self._possible()
        if not self._is_screened(candidates) or await self._is_past_screening(candidates):
            return False
        count = sum(not candidate.is_reference for candidate in candidates)
        text = f"screening {count} candidates in {SCREEN_ROUNDS} short rounds"
        await self._errand.tell(StepStarted(step="screen", text=text))
        self._screens = True
        await self._measure(candidates)
        self._screens = False
        return True

    async def has_open_visits(self) -> bool:
        """Return whether visits that were planned are still to be done."""
        visits = await self._site.thread.run(self._site.store.visits.of_job, self._errand.job_id)
        return any(visit.outcome is None for visit in visits)

    async def run(self) -> None:
        """Run the visits on every agent that can; returns early after a stop.

        Raises:
            NoAgentError: with the reason of each agent.
            MltestError: no candidate has an artifact, or the store cannot be written.

        """
        candidates = await self._possible()
        self._gated = await self._found_gated()
        if await self._is_done(candidates):
            return
        await self._measure(candidates)

    async def revive(self) -> bool:
        """Measure on those that only candidates had eliminated which are not let pass; return whether there were any.

        Predictions are evaluated before it. It goes on for as long as more candidates turn out not to pass.

        Raises:
            MltestError: as of `run`.

        """
        found, nobody = await self._found_gated(), frozenset[str]()
        if all(names <= self._gated.get(agent_id, nobody) for agent_id, names in found.items()):
            return False
        self._gated |= {agent_id: names | self._gated.get(agent_id, nobody) for agent_id, names in found.items()}
        candidates = await self._possible()
        revived = await self._revived(candidates)
        if not revived:
            return False
        labels = {one.candidate_id: one.label for one in candidates}
        names = sorted({labels[name] for of_agent in revived.values() for name in of_agent})
        text = f"what had eliminated others is not let pass; further rounds for {', '.join(names)}"
        await self._errand.tell(JobNote(text=text))
        await self._measure(candidates, only=revived)
        return True

    async def _found_gated(self) -> dict[str, frozenset[str]]:
        """Return who is not let pass, by agent, where that decides anything."""
        if stop_rule(self._errand.plan) is None:
            return {}
        return await self._site.thread.run(gated_candidates, self._site.store, self._errand.job_id)

    async def _revived(self, candidates: Sequence[Candidate]) -> dict[str, frozenset[str]]:
        """Return who has to be measured again only because somebody faster is not let pass, by agent."""
        found: dict[str, frozenset[str]] = {}
        async for rounds, failed in self._all_rounds(candidates):
            if rounds is not None and (revived := rounds.revived(failed)):
                found[rounds.agent_id] = revived
        return found

    async def _measure(self, candidates: Sequence[Candidate], only: Collection[str] = ()) -> None:
        await self._errand.tell(StepStarted(step="match", text="looking for agents"))
        async with recruited(self._errand, {candidate.runtime for candidate in candidates}) as agents:
            matched = await self._match(agents, candidates)
            partners = [partner for partner in matched if not only or partner.agent.agent_id in only]
            if not self._screens and self._is_screened(candidates):
                partners = [await self._left(partner) for partner in partners]
            visits = await self._plan(partners)
            count = sum(map(len, visits.values()))
            text = f"{_counted(count, 'visit')} on {_counted(len(partners), 'agent')}"
            await self._errand.tell(StepStarted(step="measure", text=text))
            await self._dispatch(partners, visits, candidates)

    async def _is_done(self, candidates: Sequence[Candidate]) -> bool:
        """Return whether an earlier life of the job has measured everything."""
        store, thread, job_id = self._site.store, self._site.thread, self._errand.job_id
        visits = await thread.run(store.visits.of_job, job_id)
        if not visits or any(visit.outcome is not Outcome.OK for visit in visits):
            return False
        async for rounds, failed in self._all_rounds(candidates):
            if rounds is None or rounds.active(failed):
                return False
        return True

    async def _all_rounds(self, candidates: Sequence[Candidate]) -> AsyncIterator[tuple[Rounds | None, set[str]]]:
        """Yield the rounds of each agent as they are stored, with who failed; None where a screening is not over."""
        store, thread, job_id = self._site.store, self._site.thread, self._errand.job_id
        subject, failed = await self._subject(), await self._failed()
        visits = await thread.run(store.visits.of_job, job_id)
        for agent in await thread.run(store.outcomes.participants, job_id):
            partner = _Partner(
                agent=agent, address="", candidates=match(agent, candidates, self._errand.plan).candidates
            )
            if partner.candidates and self._is_screened(candidates):
                screening = self._screening(agent, partner.candidates, subject)
                out = screening.out_of_visits(visits)
                if out is None:
                    yield None, set()
                    continue
                partner = replace(partner, candidates=screening.left(out), first_index=screening.end)
            if partner.candidates:
                rounds = self._rounds_of(partner, subject)
                await rounds.load()
                yield rounds, failed.get(agent.agent_id, set())

    def _is_screened(self, candidates: Sequence[Candidate]) -> bool:
        return is_screened(self._errand.plan, sum(not candidate.is_reference for candidate in candidates))

    def _screening(self, agent: AgentInfo, matched: Sequence[Candidate], subject: Subject) -> Screening:
        return Screening(agent=agent, candidates=tuple(matched), dataset=subject.dataset)

    async def _is_past_screening(self, candidates: Sequence[Candidate]) -> bool:
        """Return whether an earlier life of the job has planned rounds behind the screening."""
        store, thread, job_id = self._site.store, self._site.thread, self._errand.job_id
        subject, visits = await self._subject(), await thread.run(store.visits.of_job, job_id)
        for agent in await thread.run(store.outcomes.participants, job_id):
            matched = match(agent, candidates, self._errand.plan).candidates
            if matched and self._screening(agent, matched, subject).later(visits):
                return True
        return False

    async def _left(self, partner: _Partner) -> _Partner:
        """Return what an agent measures behind the screening: all but those that are certainly slower than the best."""
        store, thread, job_id = self._site.store, self._site.thread, self._errand.job_id
        subject = await self._subject()
        screening = self._screening(partner.agent, partner.candidates, subject)
        out = screening.out_of_visits(await thread.run(store.visits.of_job, job_id))
        if out is None:
            out = await thread.run(decided, store, job_id, screening, subject.latency)
            labels = [one.label for one in partner.candidates if one.candidate_id in out]
            await self._errand.tell(*(JobNote(text=text) for text in screened_texts(partner.agent.name, labels)))
        return replace(partner, candidates=screening.left(out), first_index=screening.end)

    async def _possible(self) -> tuple[Candidate, ...]:
        """Return the candidates with an artifact; there is no job without one."""
        candidates = await self._site.thread.run(self._site.store.jobs.candidates, self._errand.job_id)
        possible = tuple(candidate for candidate in candidates if candidate.is_possible)
        if all(candidate.is_reference for candidate in possible):
            first = next((candidate for candidate in candidates if candidate.is_baseline), candidates[0])
            raise error_class(first.reason_code)(f"No candidate can be made. {first.label}: {first.reason}")
        self._errand.pin(*(candidate.artifact_sha256 for candidate in possible))
        return possible

    async def _match(self, agents: Sequence[FleetAgent], candidates: Sequence[Candidate]) -> list[_Partner]:
        """Return who takes part; say who does not, and keep which candidate cannot run where."""
        partners: list[_Partner] = []
        mismatches: list[CandidateOutcome] = []
        reasons = [found.reason for found in agents if found.reason]
        for found in agents:
            agent = found.agent
            if agent is None or not is_usable(found):
                continue
            matched = match(agent, candidates, self._errand.plan)
            mismatches += [_not_tried(agent, mismatch) for mismatch in matched.mismatches]
            takes_part, reason = not matched.exclusion, matched.exclusion
            if takes_part:
                partners.append(_Partner(agent=agent, address=found.address, candidates=matched.candidates))
            else:
                reasons.append(f"{agent.name}: {reason}")
            await self._errand.tell(
                AgentUpdated(agent_id=agent.agent_id, name=agent.name, takes_part=takes_part, reason=reason)
            )
        outcomes, job_id = self._site.store.outcomes, self._errand.job_id
        await self._site.thread.run(outcomes.set_mismatches, job_id, mismatches)
        if not partners:
            raise NoAgentError(detail="; ".join(reasons))
        await self._site.thread.run(outcomes.add_participants, job_id, [partner.agent for partner in partners])
        return partners

    async def _plan(self, partners: Sequence[_Partner]) -> dict[str, list[VisitSpec]]:
        """Store the visits; return those still to be done, in order, by agent."""
        subject = await self._subject()
        planned = [
            (partner.agent.agent_id, visit)
            for partner in partners
            if not (partner.first_index and await is_over_budget(self._errand, partner.agent, 1))
            for visit in plan_visits(
                *(subject, partner.agent, partner.candidates),
                rounds=range(self._first_rounds(subject)),
                first_index=partner.first_index,
            )
        ]
        visits = self._site.store.visits
        await self._site.thread.run(visits.plan, subject.job_id, planned)
        open_visits: dict[str, list[VisitSpec]] = {}
        for stored in await self._site.thread.run(visits.of_job, subject.job_id):
            if stored.outcome is None:
                open_visits.setdefault(stored.agent_id, []).append(stored.spec)
        return open_visits

    async def _subject(self) -> Subject:
        """Return what all visits of the job have in common."""
        job = await self._site.thread.run(self._site.store.jobs.get, self._errand.job_id)
        assert job.model is not None
        assert job.dataset is not None
        plan = self._errand.plan
        tests = chosen_tests(plan, job.model, has_target=job.dataset.has_target)
        latency = latency_spec(plan, tests)
        return Subject(
            job_id=job.job_id,
            plan=plan,
            model=job.model,
            dataset=job.dataset,
            latency=screening_spec(latency) if self._screens else latency,
            open_loop=None if self._screens else merged_open_loop_spec(sample_tests(tests)),
            memory=None if self._screens else merged_memory_spec(sample_tests(tests)),
        )

    def _first_rounds(self, subject: Subject) -> int:
        """What is not timed does not get more precise by rounds that are decided."""
        if self._screens:
            return first_screen_rounds(subject.plan)
        is_timed = subject.latency is not None or not stop_rule(subject.plan)
        return first_rounds(subject.plan) if is_timed else _UNTIMED_ROUNDS

    async def _dispatch(
        self, partners: Sequence[_Partner], visits: Mapping[str, Sequence[VisitSpec]], candidates: Sequence[Candidate]
    ) -> None:
        """Let every agent do its visits, all at the same time; what nobody took up again is closed behind that."""
        names = {partner.agent.agent_id: partner.agent.name for partner in partners}
        killers = Killers(self._errand, candidates, names)
        await killers.load()
        try:
            async with asyncio.TaskGroup() as tasks:
                for partner in partners:
                    dispatch = await self._dispatch_of(partner, killers)
                    tasks.create_task(dispatch.run(visits.get(partner.agent.agent_id, ())))
        except ExceptionGroup as group:
            first = group.exceptions[0]
            raise (first.__cause__ or first) if isinstance(first, StoreFailedError) else first from group
        if not self._errand.stop.is_set():
            end_open = self._site.store.visits.end_open_attempts
            code, reason = VisitInterruptedError.code, "the coordinator died"
            await self._site.thread.run(end_open, self._errand.job_id, reason_code=code, reason=reason)

    async def _dispatch_of(self, partner: _Partner, killers: Killers) -> AgentDispatch:
        agent, errand = partner.agent, self._errand
        rounds = await self._rounds(partner)
        attempts = await self._site.thread.run(self._site.store.visits.attempts, errand.job_id)
        return AgentDispatch(
            errand,
            agent,
            partner.address,
            rounds,
            failed=(await self._failed()).get(agent.agent_id, set()),
            killers=killers,
            left_open={attempt.visit_id: attempt for attempt in attempts if attempt.outcome is None},
        )

    async def _rounds(self, partner: _Partner) -> Rounds | ScreenRounds:
        subject = await self._subject()
        if self._screens:
            return ScreenRounds(self._errand, subject, partner.agent, partner.candidates)
        rounds = self._rounds_of(partner, subject)
        await rounds.load()
        return rounds

    def _rounds_of(self, partner: _Partner, subject: Subject) -> Rounds:
        agent, candidates = partner.agent, partner.candidates
        gated = self._gated.get(agent.agent_id, frozenset())
        return Rounds(self._errand, subject, agent, candidates, first_index=partner.first_index, gated=gated)

    async def _failed(self) -> dict[str, set[str]]:
        """Return the candidates that failed in an earlier life of the job, by agent."""
        failed: dict[str, set[str]] = {}
        for found in await self._site.thread.run(self._site.store.outcomes.of_job, self._errand.job_id):
            if found.outcome is Outcome.FAILED:
                failed.setdefault(found.agent_id, set()).add(found.candidate_id)
        return failed


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def latency_spec(plan: Plan, tests: Sequence[TestChoice]) -> LatencySpec | None:
    """Return how calls are timed for all of `tests`, with no more values than `plan` lets a candidate store."""
    specs = [test.latency_spec() for test in sample_tests(tests)]
    spec = merged_latency_spec([spec for spec in specs if spec is not None])
    if spec is None:
        return None
    cells = len(spec.batch_sizes) * max(1, len(spec.metrics))
    return replace(spec, slice_values=slice_values(plan, cells, spec.slice_count))


def _not_tried(agent: AgentInfo, mismatch: Mismatch) -> CandidateOutcome:
    return CandidateOutcome(
        agent_id=agent.agent_id,
        candidate_id=mismatch.candidate_id,
        round_index=None,
        outcome=None,
        reason_code=mismatch.reason_code,
        reason=mismatch.reason,
    )
