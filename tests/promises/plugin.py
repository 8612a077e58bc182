"""Collects what tests that are marked with `promise(row)` say, and prints one line for each row with `--promises`."""

from collections.abc import Callable, Iterable

import pytest

from tests.promises.chaos_file import add_figures
from tests.promises.markers import proofs_in
from tests.promises.table import PAGE, needs, promises
from tests.promises.verdicts import Tally, flat, lines, verdict

_ROW, _FIGURE = "promise", "figure:"

Count = Callable[[str, float], None]
"""Adds a number to the figure of that name."""


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("promises")
    group.addoption("--promises", action="store_true", help="say of each promise whether it was kept; write chaos.json")
    group.addoption("--rows", default="", metavar="N-M,K", help="run only tests of these rows of the table of promises")


def rows_of(text: str) -> frozenset[int]:
    """Return the numbers that a text such as "26-33,40" names."""
    rows: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        rows |= set(range(int(first), int(last or first) + 1))
    return frozenset(rows)


class Promises:
    """The plugin of one process; with several workers, only the one that reports has anything to say."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tallies: dict[int, Tally] = {}
        self._counts: dict[str, float] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Write the rows of each test into its reports, and leave out what `--rows` does not name."""
        wanted, kept = rows_of(self._config.getoption("--rows")), []
        for item in items:
            rows = {row for marker in item.iter_markers("promise") for row in marker.args}
            item.user_properties += [(_ROW, row) for row in sorted(rows)]
            if not wanted or rows & wanted:
                kept.append(item)
        if dropped := [item for item in items if item not in kept]:
            self._config.hook.pytest_deselected(items=dropped)
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of a test."""
        if report.when == "call":
            for name, value in _figures(report.user_properties):
                self._counts[name] = self._counts.get(name, 0.0) + value
        for row in (value for key, value in report.user_properties if key == _ROW):
            tally = self._tallies.setdefault(int(str(row)), Tally())
            if report.failed:
                tally.failed.append(report.nodeid)
            elif report.skipped:
                tally.skipped.append(_reason(report))
            elif report.when == "call":
                tally.passed += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if not self._config.getoption("--promises"):
            return
        page = PAGE.read_text()
        table, need, tested = promises(page), needs(page), {proof.row for proof in proofs_in()}
        verdicts = [
            verdict(promise, self._tallies.get(row, Tally()), need=need.get(row, ""), has_test=row in tested)
            for row, promise in sorted(table.items())
        ]
        terminalreporter.section("promises (docs/promises.md)")
        for line in lines(verdicts, table):
            terminalreporter.write_line(line)
        rows = rows_of(self._config.getoption("--rows"))
        known = [one for one in verdicts if not rows or one.row in rows]
        figures = flat(known, self._counts)
        for name, value in figures.items():
            if not name.startswith("row_"):
                terminalreporter.write_line(f"{name} = {value:g}")
        terminalreporter.write_line(f"figures: {add_figures(figures, is_new=not rows)}")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Count:
    """Adds to a figure of build/bench/chaos.json, also if the test fails later on."""
    return lambda name, value: request.node.user_properties.append((_FIGURE + name, value))


def _figures(properties: Iterable[tuple[str, object]]) -> Iterable[tuple[str, float]]:
    for name, value in properties:
        if name.startswith(_FIGURE) and isinstance(value, int | float):
            yield name.removeprefix(_FIGURE), float(value)


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)
