"""Agents that answered once."""

import time

from mltest.coordinator.store import sql
from mltest.coordinator.store.database import Database
from mltest.shared.domain import AgentInfo, FleetAgent
from mltest.shared.jsonable import from_json, to_json


class AgentTable:
    """Agents by identity, with the address at which they answered last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, address: str, agent: AgentInfo) -> None:
        """Keep that `agent` answers at `address` now."""
        with self._database.transaction():
            self._database.table("agent").upsert(
                {
                    "agent_id": agent.agent_id,
                    "name": agent.name,
                    "address": address,
                    "last_seen_unix_ns": time.time_ns(),
                    "agent_json": to_json(agent),
                },
                pk="agent_id",
            )

    def remove(self, agent_id: str) -> None:
        """Forget where an agent was."""
        with self._database.transaction():
            self._database.table("agent").delete_where("agent_id = ?", [agent_id])

    def known(self) -> tuple[FleetAgent, ...]:
        """Return every agent by name, as gone: whether one is alive has to be asked."""
        return tuple(
            FleetAgent(
                address=row["address"],
                is_alive=False,
                last_seen_unix_ns=row["last_seen_unix_ns"],
                source="known",
                agent=from_json(row["agent_json"], AgentInfo),
            )
            for row in self._database.table("agent").rows_where(order_by="name, agent_id")
        )

    def set_flag(self, agent_id: str, *, job_id: str, reason: str) -> None:
        """Keep why an agent should be looked after: what happened to it in a job."""
        with self._database.transaction():
            self._database.execute(sql.FLAG, {"agent_id": agent_id, "job_id": job_id, "reason": reason})

    def clear_flag(self, agent_id: str, *, job_id: str) -> None:
        """Forget that, if it came from another job than this one."""
        if self.flag(agent_id):
            with self._database.transaction():
                self._database.execute(sql.CLEAR_FLAG, {"agent_id": agent_id, "job_id": job_id})

    def flag(self, agent_id: str) -> str:
        """Return why an agent should be looked after; empty if all is well."""
        return next((str(row["reason"]) for row in self._database.execute(sql.FLAG_OF, {"agent_id": agent_id})), "")
