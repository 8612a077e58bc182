"""Has an agent check its speed before a job and after it; that it cannot stops nothing."""

import logging

from mltest.coordinator.fleet.contact import AgentContact
from mltest.coordinator.job.errand import Errand
from mltest.shared.domain import AgentInfo
from mltest.shared.errors import MltestError

_LOG = logging.getLogger(__name__)


class SpeedWatch:
    """The speed checks of one agent in one part of a job; what an earlier part, or life, found before it stays."""

    def __init__(self, errand: Errand, agent: AgentInfo, contact: AgentContact) -> None:
        self._errand = errand
        self._agent = agent
        self._contact = contact
        self._is_begun = False

    async def before(self) -> None:
        """Check the speed, once; the agent is in contact, and no visit runs there."""
        if self._is_begun:
            return
        self._is_begun = True
        store, job_id = self._errand.site.store, self._errand.job_id
        known = await self._errand.site.thread.run(store.speed.of_job, job_id)
        if self._agent.agent_id not in known or known[self._agent.agent_id].before is None:
            await self._check(is_after=False)

    async def after(self) -> None:
        """Check the speed again, if it was checked before and the agent is still there."""
        if self._is_begun and self._contact.is_open:
            await self._check(is_after=True)

    async def _check(self, *, is_after: bool) -> None:
        site, session = self._errand.site, self._contact.session
        try:
            check = await session.client.check_speed(session.epoch)
        except MltestError as error:
            _LOG.info("agent %s: no speed check: %s", self._agent.name, error, extra={"job_id": self._errand.job_id})
            return
        if check is not None:
            put = site.store.speed.put
            await site.thread.run(put, self._errand.job_id, self._agent.agent_id, check, is_after=is_after)
