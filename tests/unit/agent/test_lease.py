from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mltest.agent.lease.lease import Lease
from mltest.agent.lease.waiting_line import MAX_WAITING
from mltest.shared.errors import AgentBusyError, DiskFullError, LeaseLostError

TTL_NS = 60 * 10**9
PATIENCE_NS = 15 * 10**9


def lease(*, first_epoch: int = 1) -> Lease:
    epochs = count(first_epoch)
    return Lease(agent="lab-1", next_epoch=lambda: next(epochs), ttl_ns=TTL_NS)


def test_a_free_lease_is_given_to_the_first_who_asks() -> None:
    grant = lease().acquire("a", "a job", now_ns=0)
    assert (grant.holder, grant.epoch, grant.expires_ns) == ("a", 1, TTL_NS)


@pytest.mark.promise(31)
def test_another_holder_is_told_who_has_it_and_what_for() -> None:
    held = lease()
    held.acquire("a", "a job", now_ns=0)
    with pytest.raises(AgentBusyError) as refused:
        held.acquire("b", "", now_ns=TTL_NS - 10**9)
    assert refused.value.message == (
        "Agent lab-1 is busy: leased by a (a job) for another 1 s, longer if it renews; you are number 1 of 1 in line."
    )
    assert refused.value.facts == {
        "agent": "lab-1",
        "holder": "a",
        "purpose": "a job",
        "lease_left_s": 1.0,
        "position": 1,
        "waiting_count": 1,
    }


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


@pytest.mark.promise(30)
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


def test_who_came_first_is_served_first_however_often_others_ask() -> None:
    held = lease()
    epoch = held.acquire("a", "", now_ns=0).epoch
    for holder in ("b", "c", "c", "c", "b"):
        with pytest.raises(AgentBusyError):
            held.acquire(holder, "", now_ns=1)
    held.release(epoch, now_ns=2)
    with pytest.raises(AgentBusyError, match="it is free, and b waited longer; you are number 2 of 2") as refused:
        held.acquire("c", "", now_ns=3)
    assert (refused.value.facts["holder"], refused.value.facts["lease_left_s"]) == ("b", 0.0)
    epoch = held.acquire("b", "", now_ns=4).epoch
    held.release(epoch, now_ns=5)
    assert held.acquire("c", "", now_ns=6).holder == "c"


def test_who_gives_the_lease_back_and_wants_it_again_waits_behind_the_others() -> None:
    held = lease()
    epoch = held.acquire("a", "", now_ns=0).epoch
    with pytest.raises(AgentBusyError):
        held.acquire("b", "", now_ns=1)
    held.release(epoch, now_ns=2)
    with pytest.raises(AgentBusyError, match="b waited longer"):
        held.acquire("a", "", now_ns=3)
    assert held.acquire("b", "", now_ns=4).holder == "b"


def test_who_does_not_ask_again_loses_its_place() -> None:
    held = lease()
    epoch = held.acquire("a", "", now_ns=0).epoch
    with pytest.raises(AgentBusyError):
        held.acquire("b", "", now_ns=1)
    held.release(epoch, now_ns=2)
    assert held.waiting_count(1 + PATIENCE_NS) == 1
    assert held.waiting_count(2 + PATIENCE_NS) == 0
    assert held.acquire("c", "", now_ns=2 + PATIENCE_NS).holder == "c"


def test_a_line_that_is_full_takes_nobody_else_and_says_so() -> None:
    held = lease()
    held.acquire("a", "", now_ns=0)
    for number in range(MAX_WAITING):
        with pytest.raises(AgentBusyError):
            held.acquire(f"waiting {number}", "", now_ns=1)
    with pytest.raises(AgentBusyError, match="the line is full, ask later") as refused:
        held.acquire("late", "", now_ns=2)
    assert refused.value.facts["position"] == 0


def test_an_epoch_that_cannot_be_kept_leaves_everything_as_it_was() -> None:
    def refuse() -> int:
        raise DiskFullError(needed_bytes=1, folder="/")

    held = Lease(agent="lab-1", next_epoch=refuse, ttl_ns=TTL_NS)
    with pytest.raises(DiskFullError):
        held.acquire("a", "", now_ns=0)
    assert held.current(0) is None


class LeaseMachine(RuleBasedStateMachine):
    """Any sequence of what holders do, with time passing and the agent restarting."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self.epochs = count(1)
        self.valid: dict[str, int] = {}
        self.expires_ns = 0
        self.seen: list[int] = []
        self.line: dict[str, int] = {}
        self.restart()

    @rule()
    def restart(self) -> None:
        next(self.epochs)
        self.lease = Lease(agent="lab-1", next_epoch=lambda: next(self.epochs), ttl_ns=TTL_NS)
        self.valid, self.line = {}, {}

    @rule(passed_ns=st.integers(1, TTL_NS))
    def wait(self, passed_ns: int) -> None:
        self.now_ns += passed_ns
        if self.now_ns >= self.expires_ns:
            self.valid = {}

    @rule(holder=st.sampled_from("abc"))
    def acquire(self, holder: str) -> None:
        line = [one for one, asked_ns in self.line.items() if self.now_ns - asked_ns <= PATIENCE_NS]
        self.line = {one: self.line[one] for one in line}
        if holder not in self.valid and (self.valid or (line and line[0] != holder)):
            with pytest.raises(AgentBusyError) as refused:
                self.lease.acquire(holder, "", self.now_ns)
            self.line[holder] = self.now_ns
            assert refused.value.facts["position"] == 1 + list(self.line).index(holder)
            return
        self.line.pop(holder, None)
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
