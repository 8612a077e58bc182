"""Many sets of predictions are evaluated a few at a time."""

from collections.abc import Sequence
from pathlib import Path

from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.coordinator.job.evaluating import PORTION, Evaluate, evaluated
from mltest.shared.errors import ChildCrashedError, DeadlineError


class Judge:
    """Evaluates so many files in one request, and breaks on a bad one."""

    def __init__(self, most: int, bad: str = "") -> None:
        self.most, self.bad = most, bad
        self.requests: list[int] = []

    def evaluate_with(self, tests: Sequence[object]) -> Evaluate:
        return self.evaluate

    async def evaluate(self, files: Sequence[PredictionFile]) -> tuple[Evaluation, ...]:
        self.requests.append(len(files))
        if len(files) > self.most:
            raise DeadlineError(what="comparing predictions", timeout_s=300)
        if any(file.candidate_id == self.bad for file in files):
            raise ChildCrashedError(how="killed by signal 11")
        return tuple(
            Evaluation(candidate_id=file.candidate_id, agent_id=file.agent_id, results=(), gate_reason="")
            for file in files
        )


def files(count: int) -> list[PredictionFile]:
    return [
        PredictionFile(candidate_id=f"c{index}", agent_id="a", path=Path("predictions"), input_dtype="float32")
        for index in range(count)
    ]


async def of(judge: Judge, count: int) -> list[Evaluation]:
    return [one async for portion in evaluated(files(count), [], judge.evaluate_with) for one in portion]


async def test_a_hundred_candidates_take_many_requests_that_each_keep_their_deadline() -> None:
    judge = Judge(most=PORTION)

    found = await of(judge, 100)

    assert [one.candidate_id for one in found] == [f"c{index}" for index in range(100)]
    assert not any(one.gate_reason for one in found)
    assert max(judge.requests) == PORTION
    assert sum(judge.requests) == 100


async def test_a_bad_file_costs_its_portion_a_second_try_and_nobody_else_anything() -> None:
    judge = Judge(most=PORTION, bad="c9")

    found = await of(judge, 3 * PORTION)

    assert [one.candidate_id for one in found if one.gate_reason] == ["c9"]
    assert "signal 11" in next(one.gate_reason for one in found if one.gate_reason)
    assert judge.requests == [PORTION, PORTION, *[1] * PORTION, PORTION]


async def test_each_portion_is_there_before_the_next_is_asked_for() -> None:
    judge = Judge(most=PORTION)
    async for portion in evaluated(files(2 * PORTION), [], judge.evaluate_with):
        assert len(portion) == PORTION
        assert len(judge.requests) == 1
        break


async def test_nothing_is_asked_for_without_predictions() -> None:
    judge = Judge(most=PORTION)
    assert await of(judge, 0) == []
    assert judge.requests == []
