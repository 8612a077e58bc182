"""Patience with an agent of this machine, which was just started and looks at the machine first."""

import pytest

from mltest.coordinator.job.recruiting import described
from mltest.shared.domain import AgentInfo
from mltest.shared.errors import AgentUnreachableError
from tests.unit.coordinator.evidence import agent


class SlowFleet:
    """Answers after so many calls that came to nothing."""

    def __init__(self, silent_count: int) -> None:
        self._left = silent_count

    async def describe(self, address: str) -> AgentInfo:
        if self._left:
            self._left -= 1
            raise AgentUnreachableError(agent=address, detail="no answer in time")
        return agent("a")


async def test_an_agent_that_is_still_importing_its_runtimes_is_asked_again() -> None:
    assert (await described(SlowFleet(3), "127.0.0.1:1")).agent_id == "a"


async def test_an_agent_that_never_answers_is_given_up() -> None:
    with pytest.raises(AgentUnreachableError, match="no answer in time"):
        await described(SlowFleet(1000), "127.0.0.1:1")
