"""Requests by a schedule, with a clock that a test moves."""

from collections.abc import Sequence

import numpy as np
import pytest

from mltest.agent.worker.open_loop import SPIN_NS, OpenLoopCalls, open_loop, overload_remark
from mltest.shared.domain import RemarkKind
from mltest.shared.statistics.schedule import poisson_schedule_ns

LOOK_NS = 50
"""What one look at the clock takes."""
MS = 1_000_000
SECOND = 1000 * MS


class Machine:
    """A clock, a sleep that overshoots, and a server."""

    def __init__(self, service_ns: Sequence[int] = (), overshoot_ns: int = 0) -> None:
        self.now_ns = 7_000_000_000
        self.service_ns, self.overshoot_ns = service_ns, overshoot_ns
        self.answered: list[int] = []

    def clock(self) -> int:
        self.now_ns += LOOK_NS
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9) + self.overshoot_ns

    def call(self, number: int) -> None:
        self.answered.append(number)
        self.now_ns += self.service_ns[number % len(self.service_ns)]

    def run(self, schedule_ns: Sequence[int], bound_ns: int = SECOND) -> OpenLoopCalls:
        return open_loop(self.call, schedule_ns, bound_ns, self.clock, self.sleep)


def expected_latencies(schedule_ns: Sequence[int], service_ns: Sequence[int]) -> list[int]:
    """Return the time in the system of a queue with one server. Source: Lindley's recursion."""
    found: list[int] = []
    free_ns = 0
    for number, due_ns in enumerate(schedule_ns):
        free_ns = max(free_ns, due_ns) + service_ns[number % len(service_ns)]
        found.append(free_ns - due_ns)
    return found


def test_latency_counts_from_the_scheduled_time_also_where_requests_queue() -> None:
    schedule_ns = poisson_schedule_ns(80, 60 * SECOND, 1)
    service_ns = [2 * MS] * 79 + [102 * MS]

    found = Machine(service_ns).run(schedule_ns)

    expected = expected_latencies(schedule_ns, service_ns)
    np.testing.assert_allclose(found.latencies_ns, expected, atol=0.1 * MS)
    assert np.percentile(found.latencies_ns, 99) > 80 * MS
    assert not found.is_overloaded


def test_every_request_is_answered_in_order() -> None:
    machine = Machine([MS, 50 * MS])
    machine.run(range(0, SECOND, 30 * MS))
    assert machine.answered == list(range(34))


def test_a_generator_that_wakes_up_late_tells_by_how_much() -> None:
    found = Machine([MS], overshoot_ns=5 * MS).run([100 * MS, 200 * MS])
    assert found.latenesses_ns == pytest.approx([5 * MS - SPIN_NS] * 2, abs=10 * LOOK_NS)
    assert found.latencies_ns == pytest.approx([6 * MS - SPIN_NS] * 2, abs=10 * LOOK_NS)


def test_waiting_for_the_answer_before_is_no_lateness() -> None:
    found = Machine([500 * MS, MS]).run([10 * MS, 20 * MS])
    assert max(found.latenesses_ns) <= 5 * LOOK_NS
    assert found.latencies_ns[1] == pytest.approx(491 * MS, abs=10 * LOOK_NS)


def test_no_request_is_sent_before_it_is_due() -> None:
    found = Machine([MS], overshoot_ns=150_000).run(range(0, SECOND, 7 * MS))
    assert min(found.latenesses_ns) >= 0
    assert min(found.latencies_ns) >= MS
    assert max(found.latenesses_ns) <= 2 * LOOK_NS


def test_requests_that_come_faster_than_answers_end_it() -> None:
    machine = Machine([20 * MS])
    found = machine.run(range(0, 60 * SECOND, 10 * MS), bound_ns=SECOND)
    assert found.is_overloaded
    assert len(machine.answered) == len(found.latencies_ns) == len(found.latenesses_ns)
    assert len(machine.answered) in (100, 101)
    assert max(found.latencies_ns) <= SECOND + 30 * MS


def test_one_long_answer_alone_does_not_end_it() -> None:
    found = Machine([2 * SECOND]).run([0, 5 * SECOND], bound_ns=SECOND)
    assert not found.is_overloaded
    assert len(found.latencies_ns) == 2


def test_no_requests_are_no_calls() -> None:
    found = Machine([MS]).run([])
    assert (found.latencies_ns, found.is_overloaded) == ([], False)


def test_an_overloaded_rate_is_remarked_on_by_its_name() -> None:
    remark = overload_remark(80.0, 4, SECOND)
    assert (remark.kind, remark.metric, remark.batch_size) == (RemarkKind.ABSENT, "open_loop_latency_ns", 4)
    assert remark.text.startswith("80/s: overloaded")
