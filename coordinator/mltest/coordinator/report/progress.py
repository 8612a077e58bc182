"""Shows a running job: a line for whatever stays true, and on a terminal what happens now below them."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from mltest.coordinator.report.lines import line_of, round_text, tenth_line, values_word
from mltest.coordinator.report.plain import plain_table, printable
from mltest.coordinator.report.tally import Tally
from mltest.shared.domain import JobEvent, JobInfo, VisitUpdated
from mltest.shared.units import duration_text

_REFRESHES_PER_S = 4


class ProgressView:
    """Follows a job on a console; entered as a context."""

    def __init__(self, console: Console, *, hint: str = "") -> None:
        self._console = console
        self._hint = hint
        self._tally = Tally()
        self._live = Live(
            console=console, get_renderable=self._now, refresh_per_second=_REFRESHES_PER_S, transient=True
        )

    def __enter__(self) -> Self:
        """Begin to show what happens now, if the console is a terminal."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave only the lines that stay."""
        self._live.stop()

    def recall(self, event: JobEvent) -> None:
        """Take one event of the past, without showing it."""
        self._tally = self._tally.after(event)

    def add(self, event: JobEvent, job: JobInfo | None = None) -> None:
        """Take one event, with the job as it is now where the event changes how far it is."""
        after = self._tally.after(event)
        after = after.counted(job) if job else after
        self._say(line_of(event))
        if not self._console.is_terminal:
            self._say(tenth_line(after))
        self._tally = after.told()

    def say(self, text: str, *, hint: str | None = None) -> None:
        """Show a line that stays, and from now on another hint."""
        self._hint = self._hint if hint is None else hint
        self._say(text)

    def _say(self, text: str) -> None:
        if text:
            self._console.print(printable(text), soft_wrap=not self._console.is_terminal)

    def _now(self) -> RenderableType:
        parts = [self._agents(), self._overall()] if self._tally.visits else []
        return Group(*parts, Text(self._hint, style="dim"))

    def _agents(self) -> RenderableType:
        table = plain_table()
        table.show_header = False
        for name, visit in sorted(self._tally.visits.items()):
            bar = ProgressBar(total=1.0, completed=visit.done_ratio, width=16)
            table.add_row(printable(name, style="bold"), bar, *map(printable, _visit_words(visit, self._tally)))
        return table

    def _overall(self) -> Text:
        return Text(", ".join(_overall_words(self._tally)))


def _visit_words(visit: VisitUpdated, tally: Tally) -> Iterator[str]:
    attempt = f", attempt {visit.attempt}" if visit.attempt > 1 else ""
    yield f"{visit.done_ratio:4.0%} of {round_text(visit.round_index)}{attempt}"
    yield f"{visit.value_count:,} {values_word(visit.round_index)}"
    yield tally.label_of(visit.candidate_id) if visit.outcome is None else visit.outcome.value


def _overall_words(tally: Tally) -> Iterator[str]:
    done_ratio = tally.done_ratio
    if done_ratio is not None:
        yield f"{done_ratio:.0%} of {tally.visits_total} visits done"
    left_s = tally.left_s(time.time_ns())
    yield f"about {duration_text(left_s)} left" if left_s is not None else "time left not known yet"
