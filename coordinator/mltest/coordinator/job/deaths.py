"""Which candidates agents of one job died of: when one is given up, and when another agent has to wait. Pure."""

DEATHS = 3
"""Of one agent with one candidate; then it is not tried there any more."""
AGENTS = 2
"""That died so often of one candidate; then it is not tried anywhere any more."""


class Deaths:
    """Counts deaths of agents by candidate; what survived a visit is not suspected any more."""

    def __init__(self) -> None:
        self._deaths: dict[str, dict[str, int]] = {}
        """By candidate, agents in the order of their first death."""

    def add(self, candidate_id: str, agent_id: str) -> None:
        """Note that an agent died while it was at a candidate."""
        agents = self._deaths.setdefault(candidate_id, {})
        agents[agent_id] = agents.get(agent_id, 0) + 1

    def survived(self, candidate_id: str, agent_id: str) -> None:
        """Note that a visit with a candidate went well."""
        self._deaths.get(candidate_id, {}).pop(agent_id, None)

    def leave(self, agent_id: str) -> None:
        """Note that an agent takes no part any more: nobody waits for it."""
        for agents in self._deaths.values():
            if agents.get(agent_id, 0) < DEATHS:
                agents.pop(agent_id, None)

    def killed(self, candidate_id: str) -> tuple[str, ...]:
        """Return the agents that died of a candidate as often as it takes."""
        return tuple(agent for agent, count in self._deaths.get(candidate_id, {}).items() if count >= DEATHS)

    def is_out(self, candidate_id: str, agent_id: str) -> bool:
        """Return whether a candidate is not tried on an agent any more."""
        killed = self.killed(candidate_id)
        return agent_id in killed or len(killed) >= AGENTS

    def has_to_wait(self, candidate_id: str, agent_id: str) -> bool:
        """Return whether an agent is spared until the first ones have found out whether a candidate kills agents."""
        if self.is_out(candidate_id, agent_id):
            return False
        agents = self._deaths.get(candidate_id, {})
        testers = tuple(agents)[:AGENTS]
        return len(testers) == AGENTS and agent_id not in testers
