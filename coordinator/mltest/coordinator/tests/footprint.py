"""How much memory a candidate takes where it is deployed: in processes that only load it and let it answer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import ClassVar

from mltest.coordinator.analysis.rounds import MEDIAN, Rounds, Statistic
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import result_of
from mltest.shared.domain import FindingLevel, MemorySpec, RemarkKind, Result, SampleSeries
from mltest.shared.errors import PlanInvalidError
from mltest.shared.statistics.growth import Growth, growth_of

PROCESSES = 3
"""Rounds in which memory is measured, each in a fresh process."""
LEAST_LEAK_BYTES = 256 * 1024
"""What certainly grows by less in all calls together is the allocator settling."""
_PARTS = (
    "memory_deploy_peak_bytes",
    "memory_model_bytes",
    "memory_inference_bytes",
    "memory_cgroup_peak_bytes",
    "memory_parameter_bytes",
)
_OF_GPU = (
    "memory_gpu_allocated_bytes",
    "memory_gpu_reserved_bytes",
    "memory_gpu_process_bytes",
    "memory_gpu_shared_bytes",
)
_SWAPPED, _RSS = "memory_swapped_bytes", "memory_rss_bytes"
_VALUE = Statistic(name="value", of=max)
_LARGEST = Statistic(name="max", of=max)
_SPREAD = Statistic(name="spread", of=lambda values: max(values) - min(values))
_COLD = "cold"
_PLACES = {0: "", 1: _COLD}
"""Slice indexes of series: with a warm page cache, and with an artifact that was not in it."""


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Memory of three fresh processes, each alone: deploy peak, model, working set of inference, growth in many calls.

    The process has an interpreter and the runtime, a few rows of the data, and the artifact. Starts a process more for
    each candidate in three rounds, so that it has to be asked for.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "footprint"
    is_default: ClassVar[bool] = False

    batch_size: int = 1
    """Rows per call."""
    calls: int = 200
    """At least, behind some that warm up."""
    seconds: float = 0.5
    """And as many calls as take so long; leaks show in many of them."""
    cold: bool = False
    """Whether a second process each starts with the artifact out of the page cache."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if not 1 <= self.batch_size <= 1_000_000 or not 50 <= self.calls <= 100_000:
            raise ValueError("batch_size has to be from 1 to 1,000,000, calls from 50 to 100,000")
        if not 0 <= self.seconds <= 600:
            raise ValueError("seconds has to be from 0 to 600")

    def latency_spec(self) -> None:
        """Return None: nothing is timed."""

    def memory_spec(self) -> MemorySpec:
        """Return what has to be measured."""
        return MemorySpec(
            batch_size=self.batch_size,
            call_count=self.calls,
            duration_ns=round(self.seconds * 1e9),
            has_cold=self.cold,
        )

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return median, largest and spread of each part, of growth its slope, with a warm page cache or a cold one."""
        return [found for place in _PLACES if place == 0 or self.cold for found in self._of(evidence, place)]

    def _of(self, evidence: SampleEvidence, place: int) -> Iterator[Result]:
        is_swapped = any(value for one in _series(evidence, _SWAPPED, place) for value in one.values)
        for metric in (*_PARTS, *_OF_GPU):
            found = _series(evidence, metric, place)
            if found or metric not in _OF_GPU:
                yield from (self._marked(one, is_swapped) for one in self._figures(evidence, metric, found, place))
        growth = self._growth(evidence, _series(evidence, _RSS, place), place)
        yield from (self._marked(one, is_swapped) for one in growth)

    def _figures(
        self, evidence: SampleEvidence, metric: str, found: Sequence[SampleSeries], place: int
    ) -> Iterator[Result]:
        values = [float(value) for one in found for value in one.values]
        middle = Rounds([[value] for value in values]).figure(MEDIAN)
        yield self._named(result_of(evidence, middle, test=self.name, metric=metric, statistic=MEDIAN), evidence, place)
        if len(values) > 1:
            for statistic in (_LARGEST, _SPREAD):
                figure = replace(middle, value=statistic.of(values), interval=None)
                result = result_of(evidence, figure, test=self.name, metric=metric, statistic=statistic)
                yield self._named(result, evidence, place)

    def _growth(self, evidence: SampleEvidence, found: Sequence[SampleSeries], place: int) -> Iterator[Result]:
        measured = [(growth_of(one.values), one) for one in found]
        slopes = [_per_call(growth, one) for growth, one in measured]
        figure = Rounds([[float(len(measured))]] if measured else []).figure(MEDIAN)
        growth = result_of(evidence, figure, test=self.name, metric="memory_growth_bytes", statistic=MEDIAN)
        leak = result_of(evidence, figure, test=self.name, metric="memory_leak_ratio", statistic=_VALUE)
        if measured:
            middle, low, high = (median(values) for values in zip(*slopes, strict=True))
            calls = sum((len(one.values) - 1) * one.calls_per_value for one in found)
            growth = replace(growth, value=middle, low=low, high=high, count=calls)
            leaking = sum(_is_leak(one, series) for one, series in measured)
            leak = replace(leak, value=leaking / len(measured), low=None, high=None, count=len(measured))
        yield from (self._named(one, evidence, place) for one in (growth, leak))

    def _named(self, result: Result, evidence: SampleEvidence, place: int) -> Result:
        """Return a result with the name of its page cache, and with the reason of the agent if it is absent."""
        statistic = f"{_PLACES[place]} {result.statistic}".strip()
        if result.value is not None:
            return replace(result, statistic=statistic)
        return replace(result, statistic=statistic, reason=_reason(evidence, result.metric) or result.reason)

    def _marked(self, result: Result, is_swapped: bool) -> Result:
        if not is_swapped or result.value is None:
            return result
        return replace(result, doubt_level=FindingLevel.REFUSE, doubt="a part of its own process was in swap")


def merged_memory_spec(tests: Iterable[object]) -> MemorySpec | None:
    """Return what the one test of `tests` that measures memory apart needs; None if there is none.

    Raises:
        PlanInvalidError: several of them need different things.

    """
    specs = {test.memory_spec() for test in tests if isinstance(test, Footprint)}
    if len(specs) > 1:
        raise PlanInvalidError(detail="a job has one Footprint test at most")
    return specs.pop() if specs else None


def _series(evidence: SampleEvidence, metric: str, place: int) -> list[SampleSeries]:
    return [
        one
        for samples in evidence.rounds
        for one in samples.series
        if one.metric == metric and one.slice_index == place
    ]


def _per_call(growth: Growth, series: SampleSeries) -> tuple[float, float, float]:
    calls = max(1, series.calls_per_value)
    return growth.slope / calls, growth.interval.low / calls, growth.interval.high / calls


def _is_leak(growth: Growth, series: SampleSeries) -> bool:
    """Return whether a process certainly grew in most of its parts, also in the later half, and not by a trifle."""
    later = series.values[-1] - series.values[len(series.values) // 2]
    return growth.interval.low > 0 and later >= LEAST_LEAK_BYTES / 2


def _reason(evidence: SampleEvidence, metric: str) -> str:
    """Return why the agent could not measure something; where its process failed, that counts for everything."""
    found = {one.metric: one.text for one in evidence.remarks if one.kind is RemarkKind.ABSENT}
    return found.get(metric) or found.get(_PARTS[0], "")
