"""The metric table: every key that a sample series or a result may carry, with its unit and better direction.

Keys of raw values end in ns or bytes (integers as read); keys of results are in SI units.
"""

from mltest.shared.memory_metrics import MEMORY_METRICS, RAW_MEMORY_METRICS
from mltest.shared.metric import Better, Metric
from mltest.shared.worth_metrics import WORTH_METRICS

__all__ = ["JUDGED_QUALITIES", "MAIN_QUALITIES", "RAW_METRICS", "RESULT_METRICS", "TIMED_METRICS", "Better", "Metric"]

_L, _H, _N = Better.LOWER, Better.HIGHER, Better.NEITHER

RAW_METRICS = {
    metric.key: metric
    for metric in (
        Metric("latency_ns", "ns", _L, "one value for each timed call, in order (perf_counter_ns)"),
        Metric("lean_latency_ns", "ns", _L, "as latency_ns, with the runtime's leanest call from Python"),
        Metric("native_latency_ns", "ns", _L, "as latency_ns, by a loop in C around the runtime's C interface"),
        Metric("conversion_ns", "ns", _L, "bringing one batch of the dataset into the runtime's type and layout"),
        Metric("open_loop_latency_ns", "ns", _L, "from the scheduled time of a request to its answer, in order"),
        Metric("open_loop_lateness_ns", "ns", _N, "how late the generator was with a request that it was free to send"),
        Metric("null_call_ns", "ns", _N, "the same loop around an empty call: what the harness itself costs"),
        Metric("spawn_ns", "ns", _L, "from starting the process to its first answer"),
        Metric("import_ns", "ns", _L, "importing the runtime; its files usually are in the page cache (warm-fs)"),
        Metric(
            "load_ns", "ns", _L, "opening the artifact; the runtime is imported, the file in the page cache (warm-fs)"
        ),
        Metric("first_call_ns", "ns", _L, "the first call, one row"),
        Metric("early_call_ns", "ns", _L, "calls 2 to 10, one row, in order"),
        Metric("compile_ns", "ns", _L, "compiling the artifact's source on the agent; once, kept for later visits"),
        Metric("compile_peak_bytes", "bytes", _L, "largest resident memory of a process of that compiler"),
        Metric("library_bytes", "bytes", _L, "size of the library that it made"),
        Metric("memory_loaded_bytes", "bytes", _L, "resident memory after loading (VmRSS)"),
        Metric("memory_peak_bytes", "bytes", _L, "largest resident memory of the worker (VmHWM)"),
        *RAW_MEMORY_METRICS,
    )
}

TIMED_METRICS = ("latency_ns", "lean_latency_ns", "native_latency_ns", "conversion_ns")
"""Raw metrics that are timed in slices, each a form of a call."""

RESULT_METRICS = {
    metric.key: metric
    for metric in (
        Metric("latency_s", "s", _L, "time of one Python call for one batch"),
        Metric("lean_latency_s", "s", _L, "time of one call for one batch, the leanest that Python allows"),
        Metric("native_latency_s", "s", _L, "time of one call for one batch through the runtime's C interface"),
        Metric("conversion_s", "s", _L, "bringing one batch into the runtime's type and layout"),
        Metric("open_loop_latency_s", "s", _L, "from the scheduled time of a request to its answer"),
        Metric("open_loop_lateness_s", "s", _N, "how late the generator of requests was by its own fault"),
        Metric("open_loop_capacity_per_s", "1/s", _H, "highest rate of requests at which the p99 keeps its limit"),
        Metric("offline_rows_per_s", "rows/s", _H, "rows of the whole dataset divided by the time of one call for it"),
        Metric("throughput_rows_per_s", "rows/s", _H, "rows divided by the sum of call times, closed loop"),
        Metric("null_call_s", "s", _N, "an empty call in the same loop: contained in every latency, not subtracted"),
        Metric("outlier_ratio", "1", _N, "share of calls far out: 3 interquartile ranges beyond the quartiles (Tukey)"),
        Metric("spawn_s", "s", _L, "from starting the process to its first answer"),
        Metric("import_s", "s", _L, "importing the runtime"),
        Metric("load_s", "s", _L, "opening the artifact, the runtime being imported"),
        Metric("first_call_s", "s", _L, "the first call, one row"),
        Metric("early_call_s", "s", _L, "calls 2 to 10, one row"),
        Metric("compile_s", "s", _L, "compiling the artifact's source on the agent"),
        Metric("compile_peak_bytes", "bytes", _L, "largest resident memory of a process of the compiler"),
        Metric("library_bytes", "bytes", _L, "size of the library compiled from the artifact"),
        Metric("memory_loaded_bytes", "bytes", _L, "resident memory of the worker after loading"),
        Metric("memory_peak_bytes", "bytes", _L, "largest resident memory of the worker"),
        *MEMORY_METRICS,
        Metric("artifact_bytes", "bytes", _L, "size of the artifact"),
        Metric("gross_energy_j", "J", _L, "all joules of a boundary while calls run, divided by the rows they answer"),
        Metric("net_energy_j", "J", _L, "the same above what the boundary uses with the model loaded and idle"),
        Metric("load_power_w", "W", _N, "power of a boundary while calls run"),
        Metric("loaded_idle_power_w", "W", _N, "power of a boundary with the model loaded, its process idle"),
        Metric("idle_power_w", "W", _N, "power of a boundary with the agent only"),
        *WORTH_METRICS,
        Metric("judged_accuracy", "1", _H, "accuracy on those rows that no candidate was chosen by"),
        Metric("judged_r2", "1", _H, "coefficient of determination on those rows that no candidate was chosen by"),
        Metric("label_agreement", "1", _H, "share of rows with the label of the native model"),
        Metric(
            "tied_label_count", "1", _N, "rows whose label differs, but is as good by the native model's own scores"
        ),
        Metric("differing_row", "1", _N, "number of a row whose label is not the native one, as native>candidate"),
        Metric("max_abs_difference", "1", _L, "largest difference of a score from that of the native model"),
        Metric("quality_loss", "1", _L, "accuracy or r2 of the native model minus that of a lossy candidate"),
        Metric("largest_value", "1", _N, "largest absolute score or value that the native model predicts"),
        Metric("worst_row_difference", "1", _L, "difference of the scores of one row from those of the native model"),
    )
}

MAIN_QUALITIES = ("accuracy", "r2", "silhouette", "perplexity", "weighted_rank")
"""What a task is judged by first, of the table to decide from: the first of these that its tests report."""

JUDGED_QUALITIES = ("judged_accuracy", "judged_r2")
"""Qualities of every candidate on the same rows: those by which no recipe made a choice."""
