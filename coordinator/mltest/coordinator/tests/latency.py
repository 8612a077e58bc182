"""How long one call takes, at several batch sizes and in several forms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mltest.coordinator.analysis.forms import FORMS
from mltest.coordinator.analysis.remarks import absence
from mltest.coordinator.analysis.rounds import MEAN, MEDIAN, P90, P95, P99, P99_9, Statistic
from mltest.coordinator.tests.registry import nearest, test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.coordinator.tests.sampled import result_of, results_of, seconds_by_round
from mltest.coordinator.tests.timing import CallTiming
from mltest.shared.domain import LatencySpec, Result

_STATISTICS = (MEDIAN, MEAN, P90, P95, P99, P99_9)
_SHARE = Statistic(name="value", of=lambda values: values[0])


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(CallTiming):
    """Time of one call, closed loop; each call is one value, and nothing is subtracted.

    A figure is the statistic of each process, averaged over processes (geometric mean). What the harness itself costs,
    an empty call timed by the same loop, is a result of its own; so is the share of calls that are far out.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "latency"

    forms: tuple[str, ...] = ("python",)
    """python: as users call it; lean: the leanest call from Python; native: a loop in C; conversion: of the input."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        CallTiming.__post_init__(self)
        if not self.forms or len(set(self.forms)) < len(self.forms):
            raise ValueError("forms needs at least one form, each named once")
        for form in self.forms:
            if form not in FORMS:
                raise ValueError(f"forms has to be of {', '.join(FORMS)}, not {form!r}; {nearest(form, tuple(FORMS))}")

    def latency_spec(self) -> LatencySpec:
        """Return how calls have to be timed."""
        spec = CallTiming.latency_spec(self)
        if self.forms == ("python",):
            return spec
        return replace(spec, metrics=tuple(form.raw_metric for name, form in FORMS.items() if name in self.forms))

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return median, mean and percentiles for each form and batch size, and the cost of an empty call."""
        calls = [
            result
            for name in self.forms
            for batch_size in self.batch_sizes
            for result in self._of_calls(evidence, name, batch_size)
        ]
        floor = seconds_by_round(evidence, "null_call_ns")
        return [*calls, *results_of(evidence, floor, (MEDIAN,), test=self.name, metric="null_call_s")]

    def _of_calls(self, evidence: SampleEvidence, name: str, batch_size: int) -> Iterator[Result]:
        form = FORMS[name]
        rounds = seconds_by_round(evidence, form.raw_metric, batch_size)
        found = results_of(evidence, rounds, _STATISTICS, test=self.name, metric=form.metric, batch_size=batch_size)
        why = absence(evidence.remarks, form.metric, batch_size)
        yield from (replace(one, reason=why) if why and not one.count else one for one in found)
        if name == self.forms[0]:
            share = rounds.outlier_ratio()
            yield result_of(evidence, share, test=self.name, metric="outlier_ratio", statistic=_SHARE, size=batch_size)
