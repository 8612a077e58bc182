"""What an agent accepts as a visit; everything else is refused before anything starts. Pure."""

import math
import re

from mltest.agent.worker.form import MAX_VALUES, METRICS
from mltest.shared.domain import (
    EnergySpec,
    LatencySpec,
    Limits,
    MemorySpec,
    OpenLoopSpec,
    VisitCandidate,
    VisitSpec,
)
from mltest.shared.errors import RequestInvalidError

MAX_ID_CHARS = 128
MAX_CANDIDATES = 64
MAX_BATCH_SIZES = 32
MAX_BATCH_ROWS = 1_000_000
MAX_SLICES = 100_000
MAX_THREADS = 1024
MAX_MEMORY_CALLS = 100_000
MAX_ENERGY_CALLS = 2**40
"""Of one load window."""
MAX_RATES = 32
MAX_RATE_PER_S = 1_000_000.0
MAX_REQUESTS = MAX_VALUES
"""Of one rate: each is a value of one series."""
MAX_SCHEDULE_NS = 3_600_000_000_000
"""Of one rate."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def checked_visit(spec: VisitSpec) -> VisitSpec:
    """Return `spec` if it can be run.

    Raises:
        RequestInvalidError: it cannot; the field is named.

    """
    _require(_is_id(spec.visit_id), "visit_id")
    _require(spec.attempt >= 1, "attempt")
    _require(_SHA256.fullmatch(spec.dataset_sha256) is not None, "dataset_sha256")
    _require(1 <= len(spec.candidates) <= MAX_CANDIDATES, "candidates")
    ids = [candidate.candidate_id for candidate in spec.candidates]
    _require(len(set(ids)) == len(ids), "candidates (each needs a candidate_id of its own)")
    for candidate in spec.candidates:
        _check_candidate(candidate, spec.latency)
    _check_limits(spec.limits)
    if spec.latency is not None:
        _check_latency(spec.latency)
    if spec.open_loop is not None:
        _check_open_loop(spec.open_loop)
    if spec.memory is not None:
        _check_memory(spec.memory)
    if spec.energy is not None:
        _check_energy(spec.energy)
        is_alone = spec.latency is None and spec.open_loop is None and not spec.collects_predictions
        _require(is_alone, "energy (which is measured in visits of its own)")
    return spec


def blobs_of(spec: VisitSpec) -> tuple[str, ...]:
    """Return the SHA-256 of every blob that `spec` needs."""
    return (spec.dataset_sha256, *(candidate.artifact_sha256 for candidate in spec.candidates))


def _check_candidate(candidate: VisitCandidate, latency: LatencySpec | None) -> None:
    _require(_is_id(candidate.candidate_id), "candidate_id")
    _require(_SHA256.fullmatch(candidate.artifact_sha256) is not None, "artifact_sha256")
    _require(candidate.feature_count >= 1, "feature_count")
    _require(1 <= candidate.threads <= MAX_THREADS, "threads")
    _require(candidate.input_dtype in {"float32", "float64", "int64"}, "input_dtype")
    sizes = candidate.batch_sizes
    is_subset = set(sizes) <= set(latency.batch_sizes if latency else sizes)
    _require(is_subset and len(set(sizes)) == len(sizes), "batch_sizes of a candidate")
    counts = [one.call_count for one in candidate.energy_calls]
    _require(all(1 <= count <= MAX_ENERGY_CALLS for count in counts), "energy_calls of a candidate")


def _check_latency(latency: LatencySpec) -> None:
    sizes = latency.batch_sizes
    _require(1 <= len(sizes) <= MAX_BATCH_SIZES and len(set(sizes)) == len(sizes), "batch_sizes")
    _require(all(1 <= size <= MAX_BATCH_ROWS for size in sizes), "batch_sizes")
    _require(1 <= latency.slice_count <= MAX_SLICES, "slice_count")
    _require(latency.slice_ns >= 1, "slice_ns")
    _require(0 <= latency.slice_values <= MAX_VALUES, "slice_values")
    metrics = latency.metrics
    _require(set(metrics) <= set(METRICS) and len(set(metrics)) == len(metrics), f"metrics ({', '.join(METRICS)})")


def _check_open_loop(open_loop: OpenLoopSpec) -> None:
    rates = open_loop.rates_per_s
    _require(1 <= len(rates) <= MAX_RATES and len(set(rates)) == len(rates), "rates_per_s")
    _require(all(math.isfinite(rate) and 0 < rate <= MAX_RATE_PER_S for rate in rates), "rates_per_s")
    _require(1 <= open_loop.duration_ns <= MAX_SCHEDULE_NS, "duration_ns")
    _require(max(rates) * open_loop.duration_ns / 1e9 <= MAX_REQUESTS, "rates_per_s and duration_ns")
    _require(1 <= open_loop.batch_size <= MAX_BATCH_ROWS, "batch_size")


def _check_memory(memory: MemorySpec) -> None:
    _require(1 <= memory.batch_size <= MAX_BATCH_ROWS, "batch_size of memory")
    _require(1 <= memory.call_count <= MAX_MEMORY_CALLS, "call_count")
    _require(0 <= memory.duration_ns <= MAX_SCHEDULE_NS, "duration_ns of memory")


def _check_energy(energy: EnergySpec) -> None:
    sizes = energy.batch_sizes
    _require(1 <= len(sizes) <= MAX_BATCH_SIZES and len(set(sizes)) == len(sizes), "batch_sizes of energy")
    _require(all(1 <= size <= MAX_BATCH_ROWS for size in sizes), "batch_sizes of energy")
    _require(math.isfinite(energy.target_ratio) and 0 <= energy.target_ratio < 1, "target_ratio")
    _require(1 <= energy.max_window_ns <= MAX_SCHEDULE_NS, "max_window_ns")
    _require(energy.warmup_ns <= MAX_SCHEDULE_NS, "warmup_ns of energy")


def _check_limits(limits: Limits) -> None:
    _require(limits.load_timeout_ns >= 1, "load_timeout_ns")
    _require(limits.step_timeout_ns >= 1, "step_timeout_ns")
    _require(limits.visit_timeout_ns >= 1, "visit_timeout_ns")


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID_CHARS and text.isprintable()


def _require(is_fine: bool, field: str) -> None:
    if not is_fine:
        raise RequestInvalidError(detail=f"{field} of the visit is missing or out of range")
