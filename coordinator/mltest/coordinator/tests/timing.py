"""How calls are timed: checked once, for every test that wants calls timed."""

from collections.abc import Sequence
from dataclasses import dataclass

from mltest.shared.domain import LatencySpec
from mltest.shared.metrics import TIMED_METRICS

DEFAULT_BATCH_SIZES = (1, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTiming:
    """The parameters of every test that reads timed calls."""

    batch_sizes: tuple[int, ...] = DEFAULT_BATCH_SIZES
    """Rows per call."""
    slice_count: int = 24
    """Slices for each candidate and batch size in each round."""
    slice_s: float = 0.0125
    """Length of a slice; a slice has at least one call."""
    warmup_s: float = 0.1
    """Untimed calls before the first slice take at least this long."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        sizes = self.batch_sizes
        if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
            raise ValueError("batch_sizes needs at least one size, each of at least 1 row and named once")
        if self.slice_count < 1:
            raise ValueError("slice_count has to be at least 1")
        if not 0 < self.slice_s <= 60 or not 0 <= self.warmup_s <= 60:
            raise ValueError("slice_s has to be above 0 and at most 60, warmup_s from 0 to 60")

    def latency_spec(self) -> LatencySpec:
        """Return how calls have to be timed."""
        return LatencySpec(
            batch_sizes=tuple(self.batch_sizes),
            slice_count=self.slice_count,
            slice_ns=round(self.slice_s * 1e9),
            warmup_ns=round(self.warmup_s * 1e9),
        )


def merged_latency_spec(specs: Sequence[LatencySpec]) -> LatencySpec | None:
    """Return the least timing that serves all of `specs`; None if there are none."""
    if not specs:
        return None
    return LatencySpec(
        batch_sizes=tuple(sorted({size for spec in specs for size in spec.batch_sizes})),
        slice_count=max(spec.slice_count for spec in specs),
        slice_ns=max(spec.slice_ns for spec in specs),
        warmup_ns=max(spec.warmup_ns for spec in specs),
        metrics=_merged_metrics(specs),
        slice_values=_largest_slice_values(specs),
    )


def _merged_metrics(specs: Sequence[LatencySpec]) -> tuple[str, ...]:
    """Return every form that a spec names, in the order of the metric table; () where it is the Python call alone."""
    python_call = TIMED_METRICS[:1]
    wanted = {metric for spec in specs for metric in spec.metrics or python_call}
    merged = tuple(metric for metric in TIMED_METRICS if metric in wanted)
    return () if merged == python_call else merged


def _largest_slice_values(specs: Sequence[LatencySpec]) -> int:
    """Return the largest number of calls of a slice; 0, as many as fit, is the largest there is."""
    wanted = [spec.slice_values for spec in specs]
    return 0 if 0 in wanted else max(wanted)
