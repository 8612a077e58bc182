"""The rounds of a screening on one agent: as many as there are, and nothing is decided between them."""

from collections.abc import Collection, Sequence

from mltest.coordinator.job.budget import is_over_budget
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.scheduler import Subject, plan_visits
from mltest.coordinator.job.slice_times import SliceTimes
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.screening import SCREEN_ROUNDS
from mltest.coordinator.store import StoredVisit
from mltest.shared.domain import AgentInfo, Candidate, Outcome, VisitSpec


class ScreenRounds:
    """The rounds of a screening: as many as there are, unless the time budget ends them."""

    def __init__(self, errand: Errand, subject: Subject, agent: AgentInfo, candidates: Sequence[Candidate]) -> None:
        self._errand = errand
        self._subject = subject
        self._agent = agent
        self._candidates = candidates
        self._number = first_screen_rounds(subject.plan)

    def add(self, times: SliceTimes) -> None:
        """Take what a visit has measured, by which nothing is decided yet."""

    async def next(self, failed: Collection[str]) -> tuple[VisitSpec, ...]:
        """Return the visits of the next round, which then are stored; none if that was the last, or time is up."""
        number, errand, agent = self._number, self._errand, self._agent
        if number >= SCREEN_ROUNDS:
            return ()
        visits = plan_visits(self._subject, agent, self._candidates, rounds=(number,))
        if await is_over_budget(errand, agent, len(visits)):
            return ()
        self._number += 1
        stored = {one.spec.visit_id for one in await self._stored() if one.outcome is Outcome.OK}
        missing = [visit for visit in visits if visit.visit_id not in stored]
        planned = [(agent.agent_id, visit) for visit in missing]
        await errand.site.thread.run(errand.site.store.visits.add, self._subject.job_id, planned)
        return tuple(missing) or await self.next(failed)

    async def _stored(self) -> tuple[StoredVisit, ...]:
        return await self._errand.site.thread.run(self._errand.site.store.visits.of_job, self._subject.job_id)


def first_screen_rounds(plan: Plan) -> int:
    """Return how many rounds of a screening are planned at once; with a budget each one is decided."""
    return 1 if plan.budget_s else SCREEN_ROUNDS
