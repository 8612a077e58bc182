"""How long requests take that arrive by a schedule: the server scenario, with one server."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mltest.coordinator.analysis.rounds import MEDIAN, P90, P99, P99_9, Figure, Rounds, Statistic
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import result_of, series_by_round
from mltest.shared.domain import OpenLoopSpec, RemarkKind, Result
from mltest.shared.errors import PlanInvalidError
from mltest.shared.statistics.percentiles import percentile
from mltest.shared.statistics.schedule import rate_name

_STATISTICS = (MEDIAN, P90, P99, P99_9)
_CAPACITY = Statistic(name="value", of=max)
_LATENCY, _LATENESS = "open_loop_latency_ns", "open_loop_lateness_ns"
_LONGEST_S = 3600.0
_MOST_RATES, _MOST_REQUESTS = 32, 200_000
"""Of one test, and of one rate: agents take no more."""


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """Time from the moment at which a request was due to its answer; requests do not wait for each other to be sent.

    They arrive as a Poisson process of each rate, and one server answers them one after the other. Where the generator
    itself was late, its times are not those of a server, and are left out. Made only where a plan or --scenario asks.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "open loop"
    is_default: ClassVar[bool] = False
    asked_by: ClassVar[str] = "--scenario open-loop:RATE"

    rates_per_s: tuple[float, ...] = (10.0, 100.0)
    """Requests per second."""
    duration_s: float = 60.0
    """Of each rate; p99 takes 662 requests, p99.9 takes 6,636."""
    batch_size: int = 1
    """Rows per request."""
    max_lateness_s: float = 1e-3
    """If the generator was later than this with one request in a hundred, latencies are left out."""
    slo_s: float = 0.0
    """Latency that 99 of 100 requests have to keep: the highest such rate is the capacity; 0: none is looked for."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        rates = self.rates_per_s
        if not rates or not all(0 < rate <= 1e6 for rate in rates) or len(set(rates)) < len(rates):
            raise ValueError("rates_per_s needs at least one rate, each above 0, at most 1e6, and named once")
        if len(rates) > _MOST_RATES:
            raise ValueError(f"rates_per_s has to be at most {_MOST_RATES} rates")
        if not 0 < self.duration_s <= _LONGEST_S or self.batch_size < 1:
            raise ValueError(f"duration_s has to be above 0 and at most {_LONGEST_S:g}, batch_size at least 1")
        if max(rates) * self.duration_s > _MOST_REQUESTS:
            raise ValueError(f"a rate times duration_s has to be at most {_MOST_REQUESTS:,} requests")
        if not self.max_lateness_s > 0 or not self.slo_s >= 0:
            raise ValueError("max_lateness_s has to be above 0, slo_s at least 0")

    def latency_spec(self) -> None:
        """Return None: its calls are not timed in slices."""

    def open_loop_spec(self) -> OpenLoopSpec:
        """Return what requests have to be sent."""
        duration_ns = round(self.duration_s * 1e9)
        return OpenLoopSpec(rates_per_s=self.rates_per_s, duration_ns=duration_ns, batch_size=self.batch_size)

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return latencies and lateness for each rate, and the capacity if a latency to keep is given."""
        found = [result for index in range(len(self.rates_per_s)) for result in self._of_rate(evidence, index)]
        return [*found, *self._capacity(evidence, found)]

    def _of_rate(self, evidence: SampleEvidence, index: int) -> Iterator[Result]:
        lateness = _rounds(evidence, _LATENESS, self.batch_size, index)
        reason = self._overload(evidence, index) or self._generator_limit(lateness)
        for statistic in _STATISTICS:
            found = _rounds(evidence, _LATENCY, self.batch_size, index)
            yield self._result(evidence, index, statistic, found, "open_loop_latency_s", reason)
        yield self._result(evidence, index, P99, lateness, "open_loop_lateness_s", "")

    def _result(
        self, evidence: SampleEvidence, index: int, statistic: Statistic, values: list[list[int]], metric: str, why: str
    ) -> Result:
        figure = Rounds(values, units_per_value=1e9).figure(statistic)
        result = result_of(evidence, figure, test=self.name, metric=metric, statistic=statistic, size=self.batch_size)
        result = replace(result, label=rate_name(self.rates_per_s[index]))
        if why:
            return replace(result, value=None, low=None, high=None, reason=why)
        if figure.missing_count and figure.count:
            return replace(result, reason=f"needs {figure.missing_count} more requests: raise duration_s of the test")
        return result

    def _generator_limit(self, lateness: list[list[int]]) -> str:
        ordered = sorted(value for one_round in lateness for value in one_round)
        p99_s = percentile(ordered, 99) / 1e9 if ordered else 0.0
        if p99_s <= self.max_lateness_s:
            return ""
        return (
            f"generator-limited: one request in a hundred was sent {_ms(p99_s)} late or later, at most "
            f"{_ms(self.max_lateness_s)} is allowed; quiet the machine, or raise max_lateness_s"
        )

    def _overload(self, evidence: SampleEvidence, index: int) -> str:
        head = f"{rate_name(self.rates_per_s[index])}: "
        for remark in evidence.remarks:
            if remark.kind is RemarkKind.ABSENT and remark.metric == _LATENCY and remark.text.startswith(head):
                return remark.text.removeprefix(head)
        return ""

    def _capacity(self, evidence: SampleEvidence, found: Sequence[Result]) -> list[Result]:
        if not self.slo_s:
            return []
        p99 = {r.label: r for r in found if (r.metric, r.statistic) == ("open_loop_latency_s", P99.name)}
        kept = [
            rate
            for rate in self.rates_per_s
            if (value := p99[rate_name(rate)].value) is not None and value <= self.slo_s
        ]
        figure = Figure(value=max(kept) if kept else None, interval=None, count=max(r.count for r in p99.values()))
        result = result_of(
            evidence,
            figure,
            test=self.name,
            metric="open_loop_capacity_per_s",
            statistic=_CAPACITY,
            size=self.batch_size,
        )
        return [result if kept else replace(result, reason=self._no_capacity(p99.values()))]

    def _no_capacity(self, p99: Iterable[Result]) -> str:
        why = next((result.reason for result in p99 if result.value is None), "")
        return f"no rate keeps a p99 of {_ms(self.slo_s)}" + (f" ({why})" if why else "")


def merged_open_loop_spec(tests: Iterable[object]) -> OpenLoopSpec | None:
    """Return the requests that the one open-loop test of `tests` needs; None if there is none.

    Raises:
        PlanInvalidError: several of them need different requests.

    """
    specs = {test.open_loop_spec() for test in tests if isinstance(test, OpenLoop)}
    if len(specs) > 1:
        raise PlanInvalidError(detail="a job has one OpenLoop test at most: name all rates in its rates_per_s")
    return specs.pop() if specs else None


def _rounds(evidence: SampleEvidence, metric: str, batch_size: int, index: int) -> list[list[int]]:
    return [
        [value for series in one_round if series.slice_index == index for value in series.values]
        for one_round in series_by_round(evidence, metric, batch_size)
    ]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"
