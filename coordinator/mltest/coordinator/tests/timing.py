"""How calls are timed: checked once, for every test that wants calls timed."""

from collections.abc import Sequence

from mltest.shared.domain import LatencySpec

DEFAULT_BATCH_SIZES = (1, 16, 32, 64, 128)


def checked_latency_spec(batch_sizes: Sequence[int], slice_count: int, slice_s: float, warmup_s: float) -> LatencySpec:
    """Return how calls are timed.

    Raises:
        ValueError: with the parameter that makes no sense.

    """
    if not batch_sizes or min(batch_sizes) < 1 or len(set(batch_sizes)) < len(batch_sizes):
        raise ValueError("batch_sizes needs at least one size, each of at least 1 row and named once")
    if slice_count < 1:
        raise ValueError("slice_count has to be at least 1")
    if not 0 < slice_s <= 60 or not 0 <= warmup_s <= 60:
        raise ValueError("slice_s has to be above 0 and at most 60, warmup_s from 0 to 60")
    return LatencySpec(
        batch_sizes=tuple(batch_sizes),
        slice_count=slice_count,
        slice_ns=round(slice_s * 1e9),
        warmup_ns=round(warmup_s * 1e9),
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
    )
