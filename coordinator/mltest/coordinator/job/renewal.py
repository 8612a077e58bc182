"""Tests that are made anew although they have results, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mltest.coordinator.tests.broken import BROKEN
from mltest.shared.domain import Result

_UNFINISHED = ("not_finished_count", "not_reached_count")
"""Metrics that say for how much a budget of time did not suffice."""
_OUT_OF_TIME = ("in time", "budget_s")
"""What a reason says where nothing was reached."""


@dataclass(slots=True)
class Renewal:
    """Which tests are made anew; the default is none."""

    is_asked: bool = False
    """Whether anything is; then also predictions that could not be evaluated at all are tried again."""
    names: frozenset[str] = frozenset()
    made: set[str] = field(default_factory=set)
    """Names of those that have new results by now."""
    kept: dict[str, str] = field(default_factory=dict)
    """Why those broke whose earlier results stay, by name."""

    def done(self, results: Sequence[Result]) -> set[str]:
        """Return the names of the tests that have said something in `results`, and are not to say it anew."""
        return {result.test for result in results} - self.names

    def merged(self, before: Sequence[Result], found: Sequence[Result]) -> tuple[Result, ...]:
        """Return `before` with `found`, which replaces what the same tests said, unless they only broke now."""
        broken = {result.test: result.reason for result in found if result.metric == BROKEN}
        stays = {result.test for result in before if result.metric != BROKEN and result.test in broken}
        self.kept.update({name: broken[name] for name in stays})
        taken = [result for result in found if result.test not in stays]
        names = {result.test for result in taken}
        self.made.update(names & self.names)
        return (*(result for result in before if result.test not in names), *taken)


def unfinished_tests(results: Sequence[Result]) -> frozenset[str]:
    """Return the names of tests that broke, or for which their budget of time did not suffice."""
    return frozenset(result.test for result in results if _is_unfinished(result))


def _is_unfinished(result: Result) -> bool:
    if result.metric in _UNFINISHED:
        return bool(result.value)
    return result.metric == BROKEN or any(words in result.reason for words in _OUT_OF_TIME)
