import asyncio
from contextlib import aclosing

import pytest

from mltest.agent.visit.visit_log import VisitLog
from mltest.shared.domain import CandidateEnded, Outcome, VisitEnded, VisitEvent
from mltest.shared.errors import ResourceLimitError

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
