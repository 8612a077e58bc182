"""Which windows of an earlier campaign are kept."""

from dataclasses import replace

from mltest.agent.selftest.campaign import finished
from mltest.agent.selftest.comparisons import STANDARD
from tests.unit.agent.selftest.recorded import SIX, records


def test_windows_that_are_precise_or_have_all_rounds_are_kept() -> None:
    precise = records(1, 10, SIX, spread=0.001)
    broken_off = [replace(one, window=1) for one in records(1, 9, SIX, spread=0.001)]
    wild = [replace(one, window=2) for one in records(1, 30, SIX, spread=1.0)]
    wild_broken_off = [replace(one, window=3) for one in records(1, 29, SIX, spread=1.0)]
    assert finished([*precise, *broken_off, *wild, *wild_broken_off], STANDARD) == [*precise, *wild]


def test_a_field_is_kept_with_all_its_rounds_only() -> None:
    field = [replace(one, purpose="field") for one in records(1, 30, SIX, spread=0.001)]
    assert finished(field, STANDARD) == field
    assert finished(field[:-1], STANDARD) == []


def test_nothing_is_kept_of_nothing() -> None:
    assert finished([], STANDARD) == []
