"""Decides after each round of one agent who is measured again: time goes where the ranking is undecided."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from mltest.coordinator.job.blocks import blocks
from mltest.coordinator.job.budget import is_over_budget
from mltest.coordinator.job.deciding import decisions
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.scheduler import Subject, narrowed, plan_visits
from mltest.coordinator.job.slice_times import SliceTimes, objective_cell
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import stop_rule
from mltest.shared.domain import AgentInfo, Candidate, JobNote, VisitSpec
from mltest.shared.statistics.screening import SCREENING_SHARE
from mltest.shared.statistics.stopping import StopRule


def rule_behind(plan: Plan, *, is_screened: bool) -> StopRule | None:
    """Return when rounds end; behind a screening, eliminations have what that left of their level."""
    rule = stop_rule(plan)
    return replace(rule, level_share=1 - SCREENING_SHARE) if rule and is_screened else rule


class Rounds:
    """The rounds of one agent behind those that were planned from the beginning."""

    def __init__(
        self,
        errand: Errand,
        subject: Subject,
        agent: AgentInfo,
        candidates: Sequence[Candidate],
        *,
        first_index: int = 0,
        gated: Collection[str] = (),
    ) -> None:
        """Take what is measured there.

        Args:
            errand: the job.
            subject: what its visits have in common.
            agent: where.
            candidates: that can run there.
            first_index: of its first round, behind a screening above 0.
            gated: candidates that are not let pass, as far as that is known; they eliminate nobody.

        """
        self._gated = frozenset(gated)
        self._first_index = first_index
        self._errand = errand
        self._subject = subject
        self._agent = agent
        self._candidates = candidates
        self._rule = rule_behind(subject.plan, is_screened=first_index > 0)
        self._groups = blocks(candidates, agent.host.memory_bytes, subject.dataset)
        self._times = SliceTimes(subject.plan.objective)
        self._active: frozenset[str] | None = None

    @property
    def agent_id(self) -> str:
        """Identity of the agent."""
        return self._agent.agent_id

    @property
    def is_fixed(self) -> bool:
        """Whether the number of rounds was fixed by the user, and there is nothing to decide."""
        return self._rule is None

    async def load(self) -> None:
        """Take over what an earlier life of the job has measured."""
        if self.is_fixed:
            return
        self._times = await self._errand.site.thread.run(self._stored_times)

    def add(self, times: SliceTimes) -> None:
        """Take what a visit that ended well has measured."""
        self._times.merge(times)

    async def next(self, failed: Collection[str]) -> tuple[VisitSpec, ...]:
        """Return the visits of the next round, which then are stored; none if everything is decided or time is up.

        Args:
            failed: candidates that failed here.

        """
        active = self.active(failed)
        if not active or await is_over_budget(self._errand, self._agent, len(self._groups)):
            return ()
        number = 1 + (self._times.last_round - self._first_index) // len(self._groups)
        planned = plan_visits(
            self._subject, self._agent, self._candidates, rounds=(number,), first_index=self._first_index
        )
        visits = narrowed(planned, active)
        site, agent_id = self._errand.site, self._agent.agent_id
        await site.thread.run(site.store.visits.add, self._subject.job_id, [(agent_id, visit) for visit in visits])
        await self._tell(active)
        return visits

    def active(self, failed: Collection[str]) -> frozenset[str]:
        """Return who has to be measured again; nobody if the number of rounds is fixed."""
        return self._active_without(failed, self._gated)

    def revived(self, failed: Collection[str]) -> frozenset[str]:
        """Return who has to be measured again only because somebody faster is not let pass."""
        return self.active(failed) - self._active_without(failed, ())

    def _active_without(self, failed: Collection[str], gated: Collection[str]) -> frozenset[str]:
        if self._rule is None or self._times.last_round < 0:
            return frozenset()
        latency = self._subject.latency
        cell = objective_cell(self._subject.plan.objective, latency.batch_sizes if latency else ())
        active: set[str] = set()
        found = decisions(self._times, self._groups, failed, cell=cell, rule=self._rule, gated=gated)
        for group, decision in zip(self._groups, found, strict=True):
            if decision.active:
                active |= {*decision.active, *(one.candidate_id for one in group if one.is_reference)}
        return frozenset(active)

    def _stored_times(self) -> SliceTimes:
        times = SliceTimes(self._subject.plan.objective)
        for stored in self._errand.site.store.visits.series(self._subject.job_id):
            if stored.agent_id == self._agent.agent_id and stored.round_index >= self._first_index:
                times.add(stored.round_index, [stored.series])
        return times

    async def _tell(self, active: frozenset[str]) -> None:
        if self._active is not None and active != self._active:
            names = [one.label for one in self._candidates if one.candidate_id in active and not one.is_reference]
            text = f"{self._agent.name}: further rounds for {', '.join(names)}; the others are settled"
            await self._errand.tell(JobNote(text=text))
        self._active = active
