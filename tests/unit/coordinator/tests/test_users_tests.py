"""What users' tests do wrong is a reason that names their file and line, and costs nobody else a figure."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mltest.coordinator.builder.builder import Evaluation, PredictionFile
from mltest.coordinator.builder.test_guard import TestBrokeError, TestGuard
from mltest.coordinator.job.evaluating import Evaluate, evaluated
from mltest.coordinator.planning import plan
from mltest.coordinator.tests import registry
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.kept import kept_results
from mltest.coordinator.tests.registry import choice_of
from mltest.coordinator.tests.role import SampleEvidence
from mltest.coordinator.tests.users_samples import sample_results
from mltest.shared.domain import Result
from mltest.shared.errors import ChildCrashedError
from tests.unit.coordinator import users_tests
from tests.unit.coordinator.evidence import MODEL
from tests.unit.coordinator.users_tests import Breaking

SOURCE = Path(users_tests.__file__).read_text().splitlines()


def line_of(mark: str) -> int:
    return next(number for number, line in enumerate(SOURCE, 1) if line.endswith(f"# {mark}"))


def said(how: str, guard: TestGuard | None = None, limit_s: float = 0.0, *, is_last_try: bool = True) -> str:
    breaking = Breaking(how=how)
    with pytest.raises(TestBrokeError) as broken:
        (guard or TestGuard()).run(
            breaking,
            lambda: kept_results("breaking", breaking.results(None)),
            limit_s=limit_s,
            is_last_try=is_last_try,
        )
    return str(broken.value)


def test_what_is_raised_is_told_with_file_line_and_function() -> None:
    expected = f"ValueError: no such class, at users_tests.py:{line_of('raised here')} in _raise"
    assert said("raise") == expected
    assert f"users_tests.py:{line_of('called here')} in _call_library" in said("library")
    assert f"users_tests.py:{line_of('eaten here')}" in said("eat")
    assert said("exit").startswith("it called sys.exit, at users_tests.py:")


def test_a_loop_ends_with_its_time_where_it_was_and_is_not_tried_again() -> None:
    guard = TestGuard()
    first = said("loop", guard, 0.05)
    assert "it took longer than 0 s, at users_tests.py:" in first
    assert abs(int(first.split(":")[1].split()[0]) - line_of("looped here")) <= 2
    assert said("loop", guard, 0.05) == f"not tried again: {first}"
    assert guard.run(Breaking(), lambda: "its gate is asked", limit_s=0.05, method="gate") == "its gate is asked"


def test_lack_of_memory_is_tried_again_with_less_before_it_is_told() -> None:
    with pytest.raises(MemoryError):
        TestGuard().run(Breaking(), lambda: Breaking(how="eat").results(None), limit_s=0, is_last_try=False)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("nothing", "it returned None instead of a list of Results"),
        ("text", "the value of a result is 'high', and has to be a number"),
        ("label", "the label of a result is a int, and has to be text"),
    ],
)
def test_nonsense_is_refused_by_what_is_wrong_with_it(how: str, words: str) -> None:
    assert words in said(how)
    assert f"at users_tests.py:{line_of('begins here')} in results" in said(how)


def test_numbers_of_numpy_are_numbers() -> None:
    numbers: dict[str, Any] = {"value": np.float32(0.5), "low": np.float64(0.25), "count": np.int64(3)}
    (found,) = kept_results("cost", [Result(candidate_id="", test="", metric="cost", **numbers)])
    assert [type(found.value), type(found.low), type(found.count)] == [float, float, int]


async def test_a_user_s_test_that_ends_the_process_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.registered_tests()
    monkeypatch.setitem(registry._REGISTRY._found, "users", Breaking)
    users = plan.TestChoice(module=Breaking.__module__, class_name="Breaking", params={})
    asked: list[tuple[int, bool]] = []

    def evaluate_with(tests: Sequence[plan.TestChoice]) -> Evaluate:
        async def evaluate(files: Sequence[PredictionFile]) -> tuple[Evaluation, ...]:
            asked.append((len(files), users in tests))
            if users in tests:
                raise ChildCrashedError(how="signal SIGSEGV")
            made = Result(candidate_id="c", agent_id="a", test="agreement", metric="label_agreement", value=1.0)
            return tuple(
                Evaluation(candidate_id=one.candidate_id, agent_id="a", results=(made,), gate_reason="")
                for one in files
            )

        return evaluate

    files = [PredictionFile(candidate_id="c", agent_id="a", path=Path("p"))]
    found = [one async for portion in evaluated(files, [choice_of(Agreement), users], evaluate_with) for one in portion]
    (only,) = found
    assert only.results[0].value == 1.0
    assert only.results[1].test == "breaking"
    assert "SIGSEGV" in only.results[1].reason
    assert only.gate_reason.startswith("breaking: the test broke")


def test_a_sample_test_of_a_user_that_breaks_does_not_end_the_job() -> None:
    evidence = SampleEvidence(candidate_id="c", agent_id="a", artifact_bytes=1, model=MODEL, rounds=())
    (broken,) = sample_results(Breaking(), evidence)  # type: ignore[arg-type]  # as users may write one
    assert (broken.candidate_id, broken.metric, broken.value) == ("c", "broken_test", None)
    assert "ValueError: no such class" in broken.reason
    assert f"users_tests.py:{line_of('raised here')} in _raise" in broken.reason
    assert replace(broken, reason="") == Result(candidate_id="c", agent_id="a", test="breaking", metric="broken_test")
