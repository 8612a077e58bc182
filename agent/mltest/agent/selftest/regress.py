"""regress: that a real step over time is found, and that nothing is found where nothing changed.

A run is some recorded rounds in a row; its figure is the ratio of a candidate to a pinned reference, both measured in
the same slices. From the step on, the calls of the candidate really take 10 % longer.
"""

from collections.abc import Sequence
from itertools import pairwise

from mltest.agent.selftest.aa import measured
from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.comparisons import identical
from mltest.agent.selftest.findings import Bar, Finding, share
from mltest.agent.selftest.recording import RoundRecord, RoundTimes, Window, windows_of
from mltest.shared.statistics.alarm import alarms
from mltest.shared.statistics.paired import effect_of, round_logs

RUN_ROUNDS = 5
STEP = "s10"
"""What runs from the step on; before, it is the one that is wrapped alike and not slowed."""
RUNS_BEFORE = 5
"""Least number of runs before a step; the rule itself wants 3."""
RUNS_TO_FIND = 2

Points = Sequence[float]
"""One ratio for each run."""


async def regress(bench: Bench) -> list[Finding]:
    """Replay recorded rounds as runs of many days."""
    return regression_findings(await measured(bench))


def regression_findings(records: Sequence[RoundRecord], run_rounds: int = RUN_ROUNDS) -> list[Finding]:
    """Return how often a step is found within two runs, and how many alarms there are without one."""
    found = steps = false_alarms = runs = 0
    for history in histories(windows_of(records, "comparison"), run_rounds):
        false_alarms += sum(len(alarms(points)) for points in history.unchanged)
        runs += sum(map(len, history.unchanged))
        for points, step in history.stepped():
            steps += 1
            found += any(step <= position < step + RUNS_TO_FIND for position in alarms(points))
    ratio = share("false_alarm_ratio", false_alarms, runs, "")
    return [
        share(
            "regression_found_ratio",
            found,
            steps,
            f"real steps of 10 % that are found within {RUNS_TO_FIND} runs of {run_rounds} rounds",
            Bar(low=0.95),
        ),
        Finding(
            name="regression_false_alarms_per_100",
            value=None if ratio.value is None else 100 * ratio.value,
            meaning="alarms in 100 runs without a step",
            bar=Bar(high=1),
            low=None if ratio.low is None else 100 * ratio.low,
            high=None if ratio.high is None else 100 * ratio.high,
            count=false_alarms,
            of_count=runs,
        ),
    ]


class History:
    """Ratios of candidates to a reference of one model, run after run."""

    def __init__(self, unchanged: Sequence[Points], before: Sequence[Points], after: Sequence[Points]) -> None:
        self.unchanged = unchanged
        """Of each candidate that did not change."""
        self._before = before
        self._after = after

    def stepped(self) -> list[tuple[list[float], int]]:
        """Return points with a step, and its position: for each reference, at each run that has enough before it."""
        return [
            ([*before[:step], *after[step:]], step)
            for before, after in zip(self._before, self._after, strict=True)
            for step in range(RUNS_BEFORE, len(before) - RUNS_TO_FIND + 1)
        ]


def histories(windows: Sequence[Window], run_rounds: int) -> list[History]:
    """Return one history for each model and batch size: its rounds of all windows, one behind the other."""
    found = []
    for subject in dict.fromkeys((window.subject, window.batch_size) for window in windows):
        merged = _merged([window for window in windows if (window.subject, window.batch_size) == subject])
        same, base = identical(merged), merged.bases.get(STEP)
        if base in merged.times and STEP in merged.times and len(same) > 1:
            unchanged = [_run_ratios(merged, name, same[0], run_rounds) for name in (*same[1:], base)]
            before = [_run_ratios(merged, base, reference, run_rounds) for reference in same]
            after = [_run_ratios(merged, STEP, reference, run_rounds) for reference in same]
            found.append(History(unchanged, before, after))
    return found


def _merged(windows: Sequence[Window]) -> Window:
    first = windows[0]
    merged = Window(first.purpose, first.subject, first.batch_size, first.truths, first.bases)
    offset = 0
    for window in windows:
        for name, rounds in window.times.items():
            moved: RoundTimes = {offset + index: times for index, times in rounds.items()}
            merged.times.setdefault(name, {}).update(moved)
        offset += max((max(rounds) + 1 for rounds in window.times.values()), default=0)
    return merged


def _run_ratios(window: Window, name: str, reference: str, run_rounds: int) -> list[float]:
    logs = list(round_logs(window.times[name], window.times[reference]).values())
    bounds = pairwise(range(0, len(logs) + 1, run_rounds))
    effects = (effect_of(logs[begin:end]) for begin, end in bounds)
    return [effect.ratio for effect in effects if effect is not None]
