"""Figures of one job with every candidate of a forest: who is how many times faster than whom, with intervals. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import Figure
from mltest.coordinator.analysis.paired import paired_effect
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Candidate, JobResults, Result, Standing
from mltest.shared.statistics.paired import Effect

LEAST_SPEEDUP = 300
"""Times faster than scikit-learn that the best candidate has to be with one row."""
SMALL_RIVALS = ("onnxruntime", "tl2cgen", "fastinference", "m2cgen")
"""Tools of others that are fast with one row."""
LARGE_RIVALS = ("onnxruntime", "daal4py", "scikit-learn", "hummingbird")
"""Tools of others that are fast with many."""
SMALL, LARGE = 1, 10_000
"""Rows per call, as the figures are called; a short form has fewer in its large calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What one job measured of all candidates on its one agent."""

    results: JobResults
    samples: Mapping[str, SampleEvidence]
    """By candidate."""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Those of the model, with an artifact."""
        return tuple(one for one in self.results.candidates if one.is_possible and not one.is_reference)

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """Those that the gate let pass."""
        ranked = {row.candidate_id for row in self.results.standings.rows if row.standing is Standing.RANKED}
        return tuple(one for one in self.candidates if one.candidate_id in ranked)

    def time_s(self, candidate: Candidate, batch_size: int) -> float | None:
        """Return the median time of a call; None if it was not timed."""
        found = self._result(candidate, "latency_s", "median", batch_size)
        return None if found is None else found.value

    def fastest(self, candidates: Iterable[Candidate], batch_size: int) -> Candidate | None:
        """Return the one with the least median time."""
        times = [(time_s, one) for one in candidates if (time_s := self.time_s(one, batch_size)) is not None]
        return min(times, key=lambda timed: timed[0])[1] if times else None

    def ratio(self, candidate: Candidate, other: Candidate, batch_size: int) -> Effect | None:
        """Return the time of `candidate` divided by that of `other`, from slices measured side by side."""
        ours, theirs = (self.samples.get(one.candidate_id) for one in (candidate, other))
        return paired_effect(ours, theirs, batch_size) if ours and theirs else None

    def agreement(self, candidate: Candidate) -> float | None:
        """Return the share of rows with the label of the native model."""
        found = self._result(candidate, "label_agreement", "value", 0)
        return None if found is None else found.value

    def _result(self, candidate: Candidate, metric: str, statistic: str, batch_size: int) -> Result | None:
        wanted = (candidate.candidate_id, metric, statistic, batch_size, "")
        for one in self.results.results:
            if (one.candidate_id, one.metric, one.statistic, one.batch_size, one.label) == wanted:
                return one
        return None


def tool_of(candidate: Candidate) -> str:
    """Return whose work a candidate is: one of the rivals, or the runtime's name."""
    words = f"{candidate.runtime} {candidate.exporter} {candidate.variant}".lower()
    return next((tool for tool in (*SMALL_RIVALS, *LARGE_RIVALS) if tool in words), candidate.runtime)


def figures_of(race: Race, *, large: int = LARGE) -> list[Figure]:
    """Return every figure; one whose candidates did not take part is not there.

    Args:
        race: the job.
        large: rows of the large calls.

    """
    lossless = [one for one in race.ranked if not one.is_lossy]
    return [
        *_counts(race),
        *_agreement(race, lossless),
        *_speedup(race, lossless),
        *_against(race, lossless, SMALL, "best_against_fastest_other_batch1", SMALL_RIVALS, SMALL),
        *_against(race, lossless, large, "best_lossless_against_fastest_other_batch10000", LARGE_RIVALS, LARGE),
        *_times(race, {SMALL: SMALL, LARGE: large}),
    ]


def missing_rivals(race: Race) -> tuple[str, ...]:
    """Return the tools of others of which no candidate was ranked."""
    present = {tool_of(one) for one in race.ranked}
    return tuple(tool for tool in dict.fromkeys((*SMALL_RIVALS, *LARGE_RIVALS)) if tool not in present)


def _counts(race: Race) -> Iterator[Figure]:
    yield Figure(name="candidates_built_count", value=len(race.candidates), meaning="with an artifact")
    yield Figure(name="candidates_ranked_count", value=len(race.ranked), meaning="of these, measured and let pass")


def _agreement(race: Race, lossless: Sequence[Candidate]) -> Iterator[Figure]:
    shares = [share for one in lossless if (share := race.agreement(one)) is not None]
    if shares:
        name, meaning = "lossless_label_agreement_min_ratio", "labels of the native model, least of all that are ranked"
        yield Figure(name=name, value=min(shares), meaning=meaning, target="1")
    gated = {row.candidate_id for row in race.results.standings.rows if row.standing is Standing.GATED}
    count = sum(one.candidate_id in gated for one in race.candidates if not one.is_lossy)
    yield Figure(name="lossless_gated_count", value=count, meaning="meant to be exact, and ruled out by the gate")


def _speedup(race: Race, lossless: Sequence[Candidate]) -> Iterator[Figure]:
    native = next((one for one in race.ranked if one.is_baseline), None)
    best = race.fastest(lossless, SMALL)
    effect = race.ratio(best, native, SMALL) if best and native else None
    if best and effect:
        meaning = f"times the speed of scikit-learn, one row: {best.label}"
        yield from _with_interval("speedup_batch1", effect.inverse, meaning, f">= {LEAST_SPEEDUP}")


def _against(
    race: Race, lossless: Sequence[Candidate], batch_size: int, name: str, rivals: Sequence[str], shown: int
) -> Iterator[Figure]:
    """Yield the time of the best divided by that of the fastest rival; 1 where that is the best itself."""
    best = race.fastest(lossless, batch_size)
    rival = race.fastest([one for one in lossless if tool_of(one) in rivals], batch_size)
    own = race.fastest([one for one in lossless if tool_of(one) not in rivals], batch_size)
    if best is None or rival is None:
        return
    effect = Effect(ratio=1.0, interval=None) if best is rival else race.ratio(best, rival, batch_size)
    if effect is not None:
        meaning = f"time of the best / of the fastest other, {shown:,} rows: {best.label} / {rival.label}"
        yield from _with_interval(name, effect, meaning, "<= 1")
    beside = race.ratio(own, rival, batch_size) if own else None
    if own and beside:
        meaning = f"the same of the fastest that is none of {', '.join(rivals)}: {own.label}"
        yield from _with_interval(name.replace("best", "own", 1), beside, meaning, "")


def _with_interval(name: str, effect: Effect, meaning: str, target: str) -> Iterator[Figure]:
    yield Figure(name=f"{name}_ratio", value=effect.ratio, meaning=meaning, target=target)
    if effect.interval is not None:
        yield Figure(name=f"{name}_ratio_low", value=effect.interval.low, meaning="lower end of its 95 % interval")
        yield Figure(name=f"{name}_ratio_high", value=effect.interval.high, meaning="upper end")


def _times(race: Race, batch_sizes: Mapping[int, int]) -> Iterator[Figure]:
    """Yield the least time of each tool with few and with many rows."""
    by_tool: dict[str, list[Candidate]] = {}
    for one in race.ranked:
        by_tool.setdefault(tool_of(one), []).append(one)
    for shown, batch_size in batch_sizes.items():
        for tool, found in by_tool.items():
            best = race.fastest(found, batch_size)
            time_s = race.time_s(best, batch_size) if best else None
            if best and time_s is not None:
                key = re.sub(r"\W+", "_", tool)
                yield Figure(name=f"batch{shown}_{key}_s", value=time_s, meaning=f"median of a call: {best.label}")
