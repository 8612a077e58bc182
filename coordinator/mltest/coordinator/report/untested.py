"""Tests without figures: by what became of them, and by the reason, which many may share."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import ReportedTest, ReportedTestState

_STATES = {
    ReportedTestState.NO_VALUE: "No value",
    ReportedTestState.NOT_CHOSEN: "Not asked for",
    ReportedTestState.DOES_NOT_APPLY: "Does not apply",
}


def untested(tests: Sequence[ReportedTest], width: int) -> Iterator[RenderableType]:
    """Yield a table for each state: the tests that share a reason, and the reason, on a terminal of `width`."""
    for state, title in _STATES.items():
        reasons: dict[str, list[str]] = {}
        for test in tests:
            if test.state is state:
                reasons.setdefault(_shared(test), []).append(_name(test, tests))
        if not reasons:
            continue
        yield ""
        yield Text(title, style="bold")
        table = plain_table()
        table.show_header = False
        longest = max(len(name) for names in reasons.values() for name in names)
        table.add_column(overflow="fold", width=min(longest, width // 2))
        table.add_column(overflow="fold")
        for reason, names in reasons.items():
            # Each name on a line of its own: one that is broken over two cannot be searched for.
            table.add_row(Text("\n").join(map(printable, names)), printable(reason, style="dim"))
        yield Padding(table, (0, 0, 0, 2))


def _shared(test: ReportedTest) -> str:
    """Return its reason, with its own name in a command left open, so that others share it."""
    return test.reason.replace(f"'{test.name}'", "NAME").replace(f"'default,{test.name}'", "default,NAME")


def _name(test: ReportedTest, tests: Sequence[ReportedTest]) -> str:
    """Return the name of a test; two may share it where each is for another task."""
    is_shared = sum(one.name == test.name for one in tests) > 1
    return f"{test.name} ({test.class_name})" if is_shared else test.name
