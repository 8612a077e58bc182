import asyncio
from contextlib import aclosing

import pytest

from mltest.agent.outbox.journal import MemoryJournal
from mltest.agent.visit.visit_log import VisitLog
from mltest.shared.domain import CandidateEnded, Outcome, VisitEnded, VisitEvent
from mltest.shared.errors import DiskFullError, ResourceLimitError, VisitUnknownError

ENDED = VisitEnded(outcome=Outcome.OK)
DEADLINE_S = 10.0


def encode(event: VisitEvent) -> bytes:
    return event.seq.to_bytes(2, "big") + (event.event.reason.encode() if hasattr(event.event, "reason") else b"")


def event(reason: str = "") -> CandidateEnded:
    return CandidateEnded(candidate_id="a", outcome=Outcome.FAILED, reason=reason)


async def numbers(log: VisitLog, from_seq: int = 0) -> list[int]:
    return [int.from_bytes(encoded[:2], "big") async for encoded in log.follow(from_seq)]


async def test_a_follower_gets_every_event_in_order_whenever_it_comes() -> None:
    log = VisitLog(encode)
    log.append(event())
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        early = tasks.create_task(numbers(log))
        await asyncio.sleep(0)
        log.append(event())
        log.append(ENDED)
        late = tasks.create_task(numbers(log))
    assert early.result() == late.result() == [1, 2, 3]


@pytest.mark.parametrize(("from_seq", "expected"), [(0, [1, 2, 3]), (1, [1, 2, 3]), (3, [3]), (4, []), (9, [])])
async def test_a_follower_starts_at_the_event_that_it_names(from_seq: int, expected: list[int]) -> None:
    log = VisitLog(encode)
    for body in (event(), event(), ENDED):
        log.append(body)
    assert await numbers(log, from_seq) == expected


async def test_settling_waits_until_a_follower_has_passed_on_everything() -> None:
    log = VisitLog(encode)
    log.append(event())
    async with asyncio.timeout(DEADLINE_S), aclosing(log.follow(0)) as follower:
        await anext(follower)
        settling = asyncio.ensure_future(log.settle(DEADLINE_S))
        await asyncio.sleep(0)
        assert not settling.done()
        waiting = asyncio.ensure_future(anext(follower))
        await settling
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_settling_does_not_wait_for_a_stuck_follower_beyond_its_limit() -> None:
    log = VisitLog(encode)
    log.append(event())
    async with asyncio.timeout(DEADLINE_S), aclosing(log.follow(0)) as follower:
        await anext(follower)
        await log.settle(0.01)


async def test_a_full_journal_still_takes_how_the_visit_ended() -> None:
    log = VisitLog(encode, max_bytes=2 * 1024 * 1024)
    large = event("x" * 900_000)
    log.append(large)
    with pytest.raises(ResourceLimitError):
        log.append(large)
    log.append(ENDED)
    assert await numbers(log) == [1, 2]


async def test_what_is_acknowledged_is_forgotten_and_the_rest_keeps_its_numbers() -> None:
    log = VisitLog(encode)
    for _ in range(3):
        log.append(event())
    log.acknowledge(2)
    log.append(event())
    assert log.stored_bytes == 2 * len(encode(VisitEvent(seq=1, event=event())))
    log.append(ENDED)
    assert await numbers(log, 3) == [3, 4, 5]
    with pytest.raises(VisitUnknownError, match="up to number 2 were acknowledged"):
        await numbers(log, 2)
    assert not log.is_done


async def test_a_log_is_done_when_it_is_acknowledged_to_its_end_however_early_that_was_said() -> None:
    log = VisitLog(encode)
    log.append(event())
    log.acknowledge(2**63)
    assert not log.is_done
    log.append(ENDED)
    assert log.is_done


async def test_a_log_that_is_acknowledged_has_room_again() -> None:
    log = VisitLog(encode, max_bytes=2 * 1024 * 1024)
    log.append(event("x" * 900_000))
    with pytest.raises(ResourceLimitError):
        log.append(event("x" * 900_000))
    log.acknowledge(1)
    log.append(event("x" * 900_000))
    assert log.stored_bytes < 1_000_000


class FullDisk(MemoryJournal):
    """Has no room for the second event, and says so once."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.is_broken = False

    def append(self, seq: int, content: bytes) -> None:
        if self.is_broken:
            return
        if seq == 2:
            self.is_broken = True
            raise DiskFullError(needed_bytes=len(content), folder="/")
        self.kept.append(seq)


async def test_an_event_that_the_disk_does_not_take_is_nobodys() -> None:
    journal = FullDisk()
    log = VisitLog(encode, journal=journal)
    log.append(event("one"))
    with pytest.raises(DiskFullError):
        log.append(event("two"))
    log.append(ENDED, needs_disk=False)
    assert await numbers(log) == [1, 2]
    assert journal.kept == [1]


async def test_how_it_ended_is_said_also_where_the_disk_fails_just_then() -> None:
    log = VisitLog(encode, journal=FullDisk())
    log.append(event("one"))
    log.append(ENDED, needs_disk=False)
    assert await numbers(log) == [1, 2]


async def test_a_follower_gets_nothing_that_is_not_in_the_journal() -> None:
    order: list[str] = []

    class Slow(MemoryJournal):
        def append(self, seq: int, content: bytes) -> None:
            order.append(f"written {seq}")

    log = VisitLog(encode, journal=Slow())

    async def follow() -> None:
        order.extend([f"sent {int.from_bytes(encoded[:2], 'big')}" async for encoded in log.follow(0)])

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    log.append(event())
    log.append(ENDED)
    await following
    assert order.index("written 1") < order.index("sent 1")
    assert order.index("written 2") < order.index("sent 2")


async def test_a_restored_log_has_its_old_events_and_then_its_end() -> None:
    old = [encode(VisitEvent(seq=seq, event=event())) for seq in (3, 4)]
    log = VisitLog.restored(encode, old, (ENDED,), first_seq=3)
    assert log.is_ended
    assert await numbers(log, 3) == [3, 4, 5]
    with pytest.raises(VisitUnknownError):
        await numbers(log)
    log.acknowledge(5)
    assert log.is_done
