"""Whether the time budget of an agent allows another round."""

from mltest.coordinator.job.errand import Errand
from mltest.shared.domain import AgentInfo, JobNote


async def is_over_budget(errand: Errand, agent: AgentInfo, visit_count: int) -> bool:
    """Return whether another round of so many visits, each as long as those before, would end behind the budget."""
    budget_s, site = errand.plan.budget_s, errand.site
    if not budget_s:
        return False
    spent_s, done = await site.thread.run(site.store.visits.spent, errand.job_id, agent.agent_id)
    if not done or spent_s * (1 + visit_count / done) <= budget_s:
        return False
    await errand.tell(JobNote(text=f"{agent.name}: the time budget ends the rounds"))
    return True
