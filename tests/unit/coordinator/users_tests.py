"""A user's module of tests in which everything goes wrong; line numbers are looked up by their marks."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaking:
    """Does what `how` says."""

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "breaking"

    how: str = "raise"

    def results(self, evidence: Any) -> Any:  # begins here
        """Return nothing that could be used."""
        return _DEEDS[self.how](evidence)

    def gate(self, evidence: Any) -> Any:
        """Let everything pass."""
        return 7 if self.how == "gate" else None


def _raise(evidence: Any) -> None:
    raise ValueError("no such class\nand more")  # raised here


def _call_library(evidence: Any) -> Any:
    return int("seven")  # called here


def _loop(evidence: Any) -> None:
    while True:
        with contextlib.suppress(Exception):  # as careless as users are
            sum(range(1000))  # looped here


def _exit(evidence: Any) -> None:
    raise SystemExit(3)


def _eat(evidence: Any) -> None:
    raise MemoryError  # eaten here


def _result(**changes: Any) -> list[Result]:
    return [Result(candidate_id="", test="", metric="cost", **changes)]


_DEEDS: dict[str, Callable[[Any], Any]] = {
    "raise": _raise,
    "library": _call_library,
    "loop": _loop,
    "exit": _exit,
    "eat": _eat,
    "nothing": lambda evidence: None,
    "text": lambda evidence: _result(value="high"),
    "label": lambda evidence: _result(value=1.0, label=3),
    "gate": lambda evidence: [],
}
