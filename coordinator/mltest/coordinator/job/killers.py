"""Candidates of a job that agents die of: found out on few agents, then left out, with what the user is told."""

from collections.abc import Sequence

from mltest.coordinator.job.deaths import DEATHS, Deaths
from mltest.coordinator.job.errand import Errand
from mltest.coordinator.job.progress import VisitProgress
from mltest.shared.domain import AgentInfo, AgentUpdated, Candidate, Outcome, VisitCandidate, VisitEnded, VisitSpec
from mltest.shared.errors import AgentDiedError


class Killers:
    """Shared by all agents of a job."""

    def __init__(self, errand: Errand, candidates: Sequence[Candidate], names: dict[str, str]) -> None:
        self._errand = errand
        self._site = errand.site
        self._labels = {candidate.candidate_id: candidate.label for candidate in candidates}
        self._names = names
        """Of agents, by identity."""
        self._deaths = Deaths()

    async def load(self) -> None:
        """Take over what an earlier life of the job has found out."""
        for end in await self._site.thread.run(self._site.store.outcomes.tried, self._errand.job_id):
            if end.counts:
                self._deaths.survived(end.candidate_id, end.agent_id)
            elif end.reason_code == AgentDiedError.code:
                self._deaths.add(end.candidate_id, end.agent_id)

    async def note(self, visit: VisitSpec, agent: AgentInfo, progress: VisitProgress, ended: VisitEnded) -> set[str]:
        """Take how an attempt ended; return the candidates that are given up on this agent because of that."""
        if ended.outcome is Outcome.OK:
            for candidate in visit.candidates:
                self._deaths.survived(candidate.candidate_id, agent.agent_id)
            agents = self._site.store.agents
            await self._site.thread.run(agents.clear_flag, agent.agent_id, job_id=self._errand.job_id)
            return set()
        for candidate_id, end in progress.ends.items():
            if end.reason_code == AgentDiedError.code:
                self._deaths.add(candidate_id, agent.agent_id)
        return await self.given_up(visit.candidates, agent)

    async def given_up(self, candidates: Sequence[VisitCandidate], agent: AgentInfo) -> set[str]:
        """Return which of `candidates` are not tried on an agent any more; the reason is stored."""
        found = {
            candidate.candidate_id
            for candidate in candidates
            if self._deaths.is_out(candidate.candidate_id, agent.agent_id)
        }
        for candidate_id in sorted(found):
            await self._give_up(candidate_id, agent)
        return found

    def has_to_wait(self, candidates: Sequence[VisitCandidate], agent: AgentInfo) -> bool:
        """Return whether an agent is spared until others have found out."""
        return any(self._deaths.has_to_wait(one.candidate_id, agent.agent_id) for one in candidates)

    def leave(self, agent: AgentInfo) -> None:
        """Note that an agent takes no part any more."""
        self._deaths.leave(agent.agent_id)

    async def _give_up(self, candidate_id: str, agent: AgentInfo) -> None:
        killed = self._deaths.killed(candidate_id)
        names = " and ".join(self._names.get(one, one) for one in killed)
        label = self._labels.get(candidate_id, candidate_id)
        reason = (
            f"it took down {names}, {DEATHS} times each" if len(killed) > 1 else f"it took down {names} {DEATHS} times"
        )
        await self._site.thread.run(
            self._site.store.outcomes.give_up,
            *(self._errand.job_id, agent.agent_id, candidate_id),
            reason_code=AgentDiedError.code,
            reason=f"{reason}; it is not tried there again",
        )
        if agent.agent_id in killed:
            await self._flag(agent, f"it died {DEATHS} times while it was at {label} (job {self._errand.job_id})")

    async def _flag(self, agent: AgentInfo, reason: str) -> None:
        job_id = self._errand.job_id
        await self._site.thread.run(self._site.store.agents.set_flag, agent.agent_id, job_id=job_id, reason=reason)
        await self._errand.tell(
            AgentUpdated(agent_id=agent.agent_id, name=agent.name, takes_part=True, reason=f"flagged: {reason}")
        )
