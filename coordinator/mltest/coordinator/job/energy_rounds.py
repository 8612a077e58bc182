"""The rounds of one agent that measure energy: behind all others, in visits of their own."""

from collections.abc import Collection, Sequence
from typing import Protocol

from mltest.coordinator.api import StoredEnergy
from mltest.coordinator.job.budget import is_over_budget
from mltest.coordinator.job.energy_absence import unmet_wish
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.fitting_meters import fitting_meters
from mltest.coordinator.job.scheduler import Subject, energy_visit
from mltest.coordinator.job.slice_times import SliceTimes
from mltest.coordinator.store import StoredVisit
from mltest.shared.domain import (
    FIRST_ENERGY_ROUND,
    AgentInfo,
    Candidate,
    EnergyCalls,
    JobNote,
    Outcome,
    VisitSpec,
)


class SomeRounds(Protocol):
    """Rounds that are decided one after the other."""

    def add(self, times: SliceTimes) -> None:
        """Take what a visit has measured."""
        ...

    async def next(self, failed: Collection[str]) -> tuple[VisitSpec, ...]:
        """Return the visits of the next round; none if there is none."""
        ...


class EnergyRounds:
    """As many as the plan says, if the agent has a meter for it."""

    def __init__(self, errand: Errand, subject: Subject, agent: AgentInfo, candidates: Sequence[Candidate]) -> None:
        self._errand = errand
        self._subject = subject
        self._agent = agent
        self._candidates = tuple(one for one in candidates if not one.is_reference)
        self._has_told = False

    async def next(self, failed: Collection[str]) -> tuple[VisitSpec, ...]:
        """Return the visit of the next round that is not done, which then is stored; none behind the last."""
        await self._tell_unfitting()
        number = await self.missing_round()
        candidates = [one for one in self._candidates if one.candidate_id not in failed]
        if number is None or not candidates or await is_over_budget(self._errand, self._agent, 1):
            return ()
        if number == 0:
            names = ", ".join(one.name for one in fitting_meters(self._agent, self._subject.energy))
            await self._errand.tell(JobNote(text=f"{self._agent.name}: measuring energy with {names}"))
        site, job_id = self._errand.site, self._subject.job_id
        calls = calls_of(await site.thread.run(site.store.visits.energy_heads, job_id), self._agent.agent_id)
        visit = energy_visit(
            self._subject, self._agent, candidates, round_index=FIRST_ENERGY_ROUND + number, calls=calls
        )
        await site.thread.run(site.store.visits.add, job_id, [(self._agent.agent_id, visit)])
        return (visit,)

    async def _tell_unfitting(self) -> None:
        """Say once that no meter is what the plan asks for by name; that most machines have none is no news."""
        if not self._has_told and (reason := unmet_wish(self._agent, self._subject.energy)):
            self._has_told = True
            await self._errand.tell(JobNote(text=f"no energy: {reason}"))

    async def missing_round(self) -> int | None:
        """Return the number of the first round that is not done; None if all are, or none can be."""
        if not fitting_meters(self._agent, self._subject.energy):
            return None
        site = self._errand.site
        visits = await site.thread.run(site.store.visits.of_job, self._subject.job_id)
        done = done_rounds(visits, self._agent.agent_id)
        return next((number for number in range(self._subject.energy_rounds) if number not in done), None)


class RoundsThenEnergy:
    """Rounds of times, and behind them those of energy."""

    def __init__(self, rounds: SomeRounds, energy: EnergyRounds) -> None:
        self._rounds = rounds
        self._energy = energy

    def add(self, times: SliceTimes) -> None:
        """Take what a visit has measured."""
        self._rounds.add(times)

    async def next(self, failed: Collection[str]) -> tuple[VisitSpec, ...]:
        """Return the visits of the next round, of times first."""
        return await self._rounds.next(failed) or await self._energy.next(failed)


def done_rounds(visits: Sequence[StoredVisit], agent_id: str) -> frozenset[int]:
    """Return the numbers of the rounds of energy that ended, well or for good."""
    return frozenset(
        one.spec.round_index - FIRST_ENERGY_ROUND
        for one in visits
        if one.agent_id == agent_id and one.spec.energy is not None and one.outcome in (Outcome.OK, Outcome.FAILED)
    )


def calls_of(stored: Sequence[StoredEnergy], agent_id: str) -> dict[str, tuple[EnergyCalls, ...]]:
    """Return how many calls the first round of each candidate had, which all others have as well."""
    found: dict[str, dict[int, int]] = {}
    for one in sorted(stored, key=lambda one: one.round_index):
        recorded = one.recorded
        if one.agent_id == agent_id and recorded.candidate_id and recorded.call_count:
            found.setdefault(recorded.candidate_id, {}).setdefault(recorded.batch_size, recorded.call_count)
    return {
        candidate_id: tuple(EnergyCalls(batch_size=size, call_count=count) for size, count in sorted(sizes.items()))
        for candidate_id, sizes in found.items()
    }
