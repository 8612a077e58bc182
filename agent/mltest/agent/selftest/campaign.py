"""Measures windows of rounds: blocks of identical and slowed candidates, each round with fresh workers."""

import random
from collections.abc import Callable, Sequence
from itertools import groupby
from statistics import median

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.comparisons import is_over
from mltest.agent.selftest.local_rounds import VisitEvents, call_ns, standard_latency
from mltest.agent.selftest.models import Model, candidate_of
from mltest.agent.selftest.recording import Recording, RoundRecord, Window, windows_of
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import MltestError, VisitInterruptedError
from mltest.shared.statistics.stopping import StopRule

SUBJECTS = (
    *(("forest", "treelite", 16), ("forest", "onnxruntime", 16)),
    *(("network", "scikit-learn", 16), ("forest", "onnxruntime", 64), ("forest", "treelite", 4)),
)
"""Models of three runtimes whose calls are long enough that 5 % of them are real work; used in turn."""
SHORTEST_SLICES = 3
_MOST_FAILURES = 3
"""Rounds in a row in which a worker failed."""

BASE = "s0"
"""What slowed candidates are compared with: wrapped as they are, and not slowed."""

_Block = dict[str, tuple[VisitCandidate, float]]
"""By name, a candidate and by how much its calls really take longer."""


class Campaign:
    """Measures windows and records them; those that the recording begins with are not measured again."""

    def __init__(self, bench: Bench, rule: StopRule, recording: Recording) -> None:
        self._bench = bench
        self._rule = rule
        self._recording = recording
        self._random = random.Random(bench.options.seed + len(recording.records))
        self._window_count = 1 + max((record.window for record in recording.records), default=-1)

    async def compare(
        self,
        window_count: int,
        *,
        identical_count: int,
        slow_percents: Sequence[int],
        after_window: Callable[[], None] = lambda: None,
    ) -> None:
        """Measure windows of identical and slowed candidates until each is over, or the time is."""
        subjects = self._bench.subjects(SUBJECTS)
        for number in range(len(windows_of(self._recording.records, "comparison")), window_count):
            if self._bench.is_out_of_time:
                self._bench.say(f"out of time after {number} of {window_count} windows")
                return
            model, batch_size = subjects[number % len(subjects)]
            block = self._block(model, identical_count, slow_percents)
            bases = {name: BASE for name, (_, truth) in block.items() if truth != 1}
            window = await self._window(Window("comparison", model.key, batch_size, _truths(block), bases), _all(block))
            self._bench.say(
                f"window {number + 1} of {window_count}: {model.key}, {batch_size} rows, {window.round_count} rounds"
            )
            after_window()

    async def field(self, subject: str, batch_size: int, candidates: Sequence[VisitCandidate], rounds: int) -> None:
        """Measure a fixed number of rounds of different candidates."""
        if any(window.subject == subject for window in windows_of(self._recording.records, "field")):
            return
        truths = {candidate.candidate_id: 0.0 for candidate in candidates}
        window = await self._window(Window("field", subject, batch_size, truths), candidates, rounds)
        self._bench.say(f"{subject}: {len(candidates)} different candidates, {window.round_count} rounds")

    def _block(self, model: Model, identical_count: int, slow_percents: Sequence[int]) -> _Block:
        sha256 = self._bench.sha256(model.path)
        block = {
            f"a{number}": (candidate_of(model, sha256, f"a{number}"), 1.0) for number in range(1, identical_count + 1)
        }
        for percent in (0, *slow_percents) if slow_percents else ():
            options = {"slow_ratio": str(percent / 100)}
            block[f"s{percent}"] = (candidate_of(model, sha256, f"s{percent}", slowed=options), 1 + percent / 100)
        return block

    async def _window(self, window: Window, candidates: Sequence[VisitCandidate], rounds: int | None = None) -> Window:
        """Measure until the stop rule ends it, or for a fixed number of rounds."""
        number, self._window_count = self._window_count, self._window_count + 1
        while not (is_over(window, self._rule) if rounds is None else window.round_count >= rounds):
            if self._bench.is_out_of_time:
                break
            events = await self._round(candidates, window.batch_size)
            record = RoundRecord(
                purpose=window.purpose,
                subject=window.subject,
                batch_size=window.batch_size,
                window=number,
                round_index=window.round_count,
                truths=window.truths,
                bases=window.bases,
                times_ns={one.candidate_id: slice_times_ns(events, one.candidate_id) for one in candidates},
                null_call_ns=median(value for one in events.series("null_call_ns") for value in one.values),
                machine_class=events.ended.machine.machine_class.value if events.ended.machine else "",
            )
            self._recording.add(record)
            window.add(record)
        return window

    async def _round(self, candidates: Sequence[VisitCandidate], batch_size: int) -> VisitEvents:
        """Run one round; one in which a worker fails is run again, since a shared machine may kill one."""
        slice_count = SHORTEST_SLICES if self._bench.options.is_shortest else 24
        for _ in range(_MOST_FAILURES):
            # The place of a candidate in the block must not favour it.
            order = self._random.sample(list(candidates), len(candidates))
            try:
                events = await self._bench.rounds.run(
                    order,
                    self._bench.rows,
                    seed=self._random.randrange(2**31),
                    latency=standard_latency(batch_size, slice_count=slice_count),
                )
                failures = events.failures()
            except MltestError as error:
                failures = {"the visit": error.message}
            if not failures:
                return events
            self._bench.say(f"a round failed: {failures}")
        raise VisitInterruptedError(detail=f"{_MOST_FAILURES} rounds failed one after the other: {failures}")


def finished(records: Sequence[RoundRecord], rule: StopRule) -> list[RoundRecord]:
    """Return the rounds of those windows that were brought to their end."""
    found: list[RoundRecord] = []
    for _, of_one in groupby(records, key=lambda record: record.window):
        rounds = list(of_one)
        (window,) = windows_of(rounds, rounds[0].purpose)
        if window.round_count >= rule.max_rounds or (window.purpose == "comparison" and is_over(window, rule)):
            found += rounds
    return found


def _truths(block: _Block) -> dict[str, float]:
    return {name: truth for name, (_, truth) in block.items()}


def _all(block: _Block) -> list[VisitCandidate]:
    return [candidate for candidate, _ in block.values()]


def slice_times_ns(events: VisitEvents, candidate_id: str) -> list[float | None]:
    """Return the median call of each slice, with every slice in its place; None for one that was throttled."""
    times_ns: dict[int, float | None] = {
        one.slice_index: None if one.is_throttled or not one.values else call_ns(one)
        for one in events.series("latency_ns", candidate_id)
    }
    return [times_ns.get(index) for index in range(max(times_ns, default=-1) + 1)]
