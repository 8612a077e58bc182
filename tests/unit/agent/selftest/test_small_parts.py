"""What selftests make of what they measured."""

import itertools
import math
import random
from argparse import ArgumentParser
from pathlib import Path

import pytest

from mltest.agent.selftest.aa import window_count
from mltest.agent.selftest.bench import SelftestOptions
from mltest.agent.selftest.command import SELFTESTS
from mltest.agent.selftest.local_rounds import VisitEvents
from mltest.agent.selftest.models import make_models
from mltest.agent.selftest.options import NAMES, add_selftest
from mltest.agent.selftest.overhead import overhead_findings
from mltest.agent.selftest.paired_loops import paired_logs
from mltest.agent.selftest.rows import is_flagged
from mltest.agent.selftest.storage import storage_findings
from mltest.agent.selftest.verify import BATCH_SIZES, differs, is_harmed
from mltest.shared.domain import CallRemark, CallsVerified, CandidateEnded, Outcome, RemarkKind, VerifiedCalls
from mltest.shared.errors import MltestError, RuntimeMissingError


class WithoutScikitLearn:
    """A child that cannot import what it needs."""

    @classmethod
    async def spawn(cls, *_: object, **__: object) -> "WithoutScikitLearn":
        return cls()

    async def request(self, *_: object, **__: object) -> dict[str, object]:
        raise MltestError("ModuleNotFoundError: No module named 'sklearn'")

    async def kill(self) -> None:
        pass


def ended(outcome: Outcome = Outcome.OK, *kinds: RemarkKind) -> VisitEvents:
    remarks = tuple(CallRemark(kind=kind) for kind in kinds)
    return VisitEvents((CandidateEnded(candidate_id="a", outcome=outcome, remarks=remarks),))


def test_every_name_on_the_command_line_is_a_selftest() -> None:
    assert set(NAMES) == set(SELFTESTS)


def test_the_command_line_takes_several_names_and_percents() -> None:
    parser = ArgumentParser()
    add_selftest(parser)
    options = parser.parse_args(["ab", "stop", "--slow", "3,20", "--output", "x.jsonl"])
    assert options.names == ["ab", "stop"]
    assert options.slow == (3, 20)
    assert options.output == Path("x.jsonl")


@pytest.mark.parametrize("bad", [["nothing"], ["aa", "--slow", "x"], ["aa", "--minutes", "0"], ["ab", "--seed", "x"]])
def test_a_wrong_argument_is_refused(bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    add_selftest(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(bad)
    assert capsys.readouterr().err


async def test_a_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltest.agent.selftest.models.Child", WithoutScikitLearn)
    with pytest.raises(RuntimeMissingError, match=r"sklearn.*pip install 'mltest-fleet\[selftest\]'"):
        await make_models(tmp_path)


def test_windows_are_as_many_as_the_comparisons_need() -> None:
    assert window_count(SelftestOptions(comparison_count=102), 6) == 34
    assert window_count(SelftestOptions(comparison_count=100), 6) == 34
    assert window_count(SelftestOptions(comparison_count=10), 2) == 10
    assert window_count(SelftestOptions(comparison_count=102, is_quick=True), 6) == 3


async def test_loops_are_compared_slice_by_slice() -> None:
    drift = itertools.count(1)

    async def ours() -> float:
        return 1.02 * math.pow(next(drift), 0.001)

    async def theirs() -> float:
        return math.pow(next(drift), 0.001)

    found = await paired_logs({"slice": ours, "timeit": theirs}, "slice", 50, random.Random(0))
    assert found == {"timeit": pytest.approx(0.0198, abs=0.001)}


def test_empty_calls_give_median_and_tail() -> None:
    middle, tail = overhead_findings(list(range(1, 101)))
    assert middle.value == pytest.approx(50.5)
    assert tail.value == pytest.approx(99.01)
    assert [one.value for one in overhead_findings([])] == [None, None]


def test_a_refused_or_remarked_candidate_is_flagged() -> None:
    assert is_flagged(ended(Outcome.FAILED))
    assert is_flagged(ended(Outcome.OK, RemarkKind.FEW_ROWS))
    assert not is_flagged(ended(Outcome.OK, RemarkKind.UNSTEADY))


def test_bytes_are_counted_over_everything_that_is_kept() -> None:
    total, worst, altered, _ = storage_findings([(1000,) * 100, tuple(range(70_000, 70_100))])
    assert total.of_count == 200
    assert total.value is not None
    assert worst.value is not None
    assert 0 < total.value <= worst.value
    assert altered.value == 0


def test_harm_is_where_it_was_done() -> None:
    assert all(is_harmed("flip", size) for size in BATCH_SIZES)
    assert [size for size in BATCH_SIZES if is_harmed("shift-once", size)] == [16]
    assert not any(is_harmed("honest", size) for size in BATCH_SIZES)


@pytest.mark.parametrize(
    ("differing_row_count", "max_abs_difference", "expected"), [(0, 4e-7, False), (1, 0.0, True), (0, 1e-4, True)]
)
def test_calls_differ_by_a_label_or_by_more_than_rounding(
    differing_row_count: int, max_abs_difference: float, expected: bool
) -> None:
    call = VerifiedCalls(
        metric="latency_ns",
        batch_size=16,
        row_count=10_000,
        differing_row_count=differing_row_count,
        max_abs_difference=max_abs_difference,
    )
    events = VisitEvents((CallsVerified(candidate_id="flip", calls=(call,)),))
    assert differs(events, "flip", 16) is expected
    assert not differs(events, "flip", 1)
    assert not differs(events, "honest", 16)
