from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mltest.agent.lease.lease import Lease
from mltest.shared.errors import AgentBusyError, LeaseLostError

TTL_NS = 60


def lease(*, first_epoch: int = 1) -> Lease:
    epochs = count(first_epoch)
    return Lease(agent="lab-1", next_epoch=lambda: next(epochs), ttl_ns=TTL_NS)


def test_a_free_lease_is_given_to_the_first_who_asks() -> None:
    grant = lease().acquire("a", "a job", now_ns=0)
    assert (grant.holder, grant.epoch, grant.expires_ns) == ("a", 1, TTL_NS)


def test_another_holder_is_told_who_has_it_and_what_for() -> None:
    held = lease()
    held.acquire("a", "a job", now_ns=0)
    with pytest.raises(AgentBusyError) as refused:
        held.acquire("b", "", now_ns=TTL_NS - 1)
    assert refused.value.message == "Agent lab-1 is busy: a holds it (a job)."


def test_an_expired_lease_is_free() -> None:
    held = lease()
    held.acquire("a", "", now_ns=0)
    assert held.current(TTL_NS) is None
    assert held.acquire("b", "", now_ns=TTL_NS).holder == "b"


def test_a_renewed_lease_lives_for_another_time_to_live() -> None:
    held = lease()
    epoch = held.acquire("a", "", now_ns=0).epoch
    assert held.renew(epoch, now_ns=50).expires_ns == 50 + TTL_NS
    assert held.current(TTL_NS) is not None


def test_an_expired_lease_cannot_be_renewed() -> None:
    held = lease()
    epoch = held.acquire("a", "", now_ns=0).epoch
    with pytest.raises(LeaseLostError):
        held.renew(epoch, now_ns=TTL_NS)


def test_the_same_holder_gets_it_back_and_its_old_epoch_is_fenced_off() -> None:
    held = lease()
    old = held.acquire("a", "", now_ns=0).epoch
    new = held.acquire("a", "", now_ns=1).epoch
    assert new > old
    with pytest.raises(LeaseLostError):
        held.require(old, now_ns=1)
    assert held.require(new, now_ns=1).holder == "a"


def test_a_released_lease_is_free_at_once() -> None:
    held = lease()
    held.release(held.acquire("a", "", now_ns=0).epoch, now_ns=1)
    assert held.acquire("b", "", now_ns=1).holder == "b"


def test_only_its_holder_can_release_a_lease() -> None:
    held = lease()
    epoch = held.acquire("a", "", now_ns=0).epoch
    with pytest.raises(LeaseLostError):
        held.release(epoch + 1, now_ns=1)


class LeaseMachine(RuleBasedStateMachine):
    """Any sequence of what holders do, with time passing and the agent restarting."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self.epochs = count(1)
        self.valid: dict[str, int] = {}
        self.expires_ns = 0
        self.seen: list[int] = []
        self.restart()

    @rule()
    def restart(self) -> None:
        next(self.epochs)
        self.lease = Lease(agent="lab-1", next_epoch=lambda: next(self.epochs), ttl_ns=TTL_NS)
        self.valid = {}

    @rule(passed_ns=st.integers(1, TTL_NS))
    def wait(self, passed_ns: int) -> None:
        self.now_ns += passed_ns
        if self.now_ns >= self.expires_ns:
            self.valid = {}

    @rule(holder=st.sampled_from("abc"))
    def acquire(self, holder: str) -> None:
        if self.valid and holder not in self.valid:
            with pytest.raises(AgentBusyError):
                self.lease.acquire(holder, "", self.now_ns)
            return
        grant = self.lease.acquire(holder, "", self.now_ns)
        assert all(grant.epoch > earlier for earlier in self.seen)
        self.seen.append(grant.epoch)
        self.valid, self.expires_ns = {holder: grant.epoch}, grant.expires_ns

    @precondition(lambda self: self.valid)
    @rule()
    def renew(self) -> None:
        self.expires_ns = self.lease.renew(self._epoch(), self.now_ns).expires_ns

    @precondition(lambda self: self.valid)
    @rule()
    def release(self) -> None:
        self.lease.release(self._epoch(), self.now_ns)
        self.valid = {}

    @invariant()
    def exactly_the_newest_epoch_of_the_valid_holder_is_accepted(self) -> None:
        for epoch in self.seen:
            if epoch in self.valid.values():
                assert self.lease.require(epoch, self.now_ns).holder in self.valid
            else:
                with pytest.raises(LeaseLostError):
                    self.lease.require(epoch, self.now_ns)

    def _epoch(self) -> int:
        return next(iter(self.valid.values()))


LeaseMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestAnySequence = LeaseMachine.TestCase
