"""Names of figures as users write them: `latency`, `latency_s.p99@32`, `accuracy>=0.95`, `latency<=2ms`."""

import re

from mltest.coordinator.planning.plan import Bound, Objective
from mltest.coordinator.tests.registry import nearest
from mltest.shared.errors import PlanInvalidError
from mltest.shared.metrics import RESULT_METRICS
from mltest.shared.units import parse_quantity

STATISTICS = ("value", "median", "max", "mean", "p90", "p95", "p99", "p99_9", "macro", "weighted")
"""Every statistic that a test of this project reports."""

_SHORT = {
    "latency": "latency_s",
    "latency.lean": "lean_latency_s",
    "latency.native": "native_latency_s",
    "lean": "lean_latency_s",
    "native": "native_latency_s",
    "conversion": "conversion_s",
    "offline": "offline_rows_per_s",
    "open_loop": "open_loop_latency_s",
    "capacity": "open_loop_capacity_per_s",
    "throughput": "throughput_rows_per_s",
    "memory": "memory_peak_bytes",
    "size": "artifact_bytes",
    "load": "load_s",
    "energy": "gross_energy_j",
    "energy.net": "net_energy_j",
    "net_energy": "net_energy_j",
    "idle_power": "idle_power_w",
    "agreement": "label_agreement",
}
_NATURAL = {
    **dict.fromkeys(("latency_s", "lean_latency_s", "native_latency_s", "conversion_s"), ("median", 1)),
    **dict.fromkeys(("gross_energy_j", "net_energy_j", "load_power_w"), ("mean", 1)),
    **dict.fromkeys(("loaded_idle_power_w", "idle_power_w"), ("mean", 0)),
    "throughput_rows_per_s": ("mean", 128),
    "offline_rows_per_s": ("mean", 10_000),
    "open_loop_latency_s": ("p99", 1),
    "open_loop_lateness_s": ("p99", 1),
    "open_loop_capacity_per_s": ("value", 1),
}
"""Statistic and batch size that are meant where none is named."""
_MEDIANS = ("_call_s", "spawn_s", "import_s", "load_s")
_UNIT_ENDING = re.compile(r"(_rows_per_s|_per_s|_s|_bytes|_j|_w)$")
_FIGURE = re.compile(
    r"(?P<metric>latency\.(?:lean|native)|energy\.net|\w+)(?:\.(?P<statistic>\w+))?(?:@(?P<batch_size>\d+))?"
)
_BOUND = re.compile(r"\s*(?P<figure>[^<>=\s]+)\s*(?P<sign>>=|<=)\s*(?P<limit>\S+)\s*")


def parse_figure(text: str) -> Objective:
    """Return the figure that `METRIC[.STATISTIC][@ROWS]` names; what is left out is what the metric is usually read by.

    Raises:
        PlanInvalidError: there is no such figure; the nearest metric is named.

    """
    match = _FIGURE.fullmatch(text)
    if match is None:
        raise PlanInvalidError(detail=f"{text!r} is not METRIC, METRIC.STATISTIC or METRIC.STATISTIC@ROWS")
    metric = checked_metric(_SHORT.get(match["metric"], match["metric"]))
    statistic, batch_size = natural(metric)
    return Objective(
        metric=metric,
        statistic=checked_statistic(match["statistic"] or statistic),
        batch_size=int(match["batch_size"] or batch_size),
    )


def parse_bound(text: str) -> Bound:
    """Return the limit that `FIGURE>=NUMBER` or `FIGURE<=NUMBER` names; a number may have a unit (2ms, 10MB, 95%).

    Raises:
        PlanInvalidError: it is not one.

    """
    match = _BOUND.fullmatch(text)
    if match is None:
        raise PlanInvalidError(detail=f"limit {text!r} is not like 'accuracy>=0.95' or 'latency<=2ms'")
    figure = parse_figure(match["figure"])
    try:
        limit = parse_quantity(match["limit"], RESULT_METRICS[figure.metric].unit)
    except ValueError as error:
        raise PlanInvalidError(detail=f"limit {text!r}: {error}") from error
    at_least, at_most = (limit, None) if match["sign"] == ">=" else (None, limit)
    return Bound(
        metric=figure.metric,
        statistic=figure.statistic,
        batch_size=figure.batch_size,
        at_least=at_least,
        at_most=at_most,
    )


def natural(metric: str) -> tuple[str, int]:
    """Return the statistic and the batch size by which `metric` is usually read."""
    if metric in _NATURAL:
        return _NATURAL[metric]
    is_of_memory = metric.startswith("memory_") and metric.endswith("_bytes")
    return ("median" if is_of_memory or metric.endswith(_MEDIANS) else "value"), 0


def checked_metric(metric: str, *, where: str = "") -> str:
    """Return `metric` if results have it (PlanInvalidError otherwise, with the nearest one)."""
    if metric not in RESULT_METRICS:
        hint = nearest(metric, tuple(RESULT_METRICS) if where else [*_SHORT, *RESULT_METRICS])
        raise PlanInvalidError(detail=f"{_at(where)}there is no metric {metric!r}; {hint}")
    return metric


def checked_statistic(statistic: str, *, where: str = "") -> str:
    """Return `statistic` if results have it (PlanInvalidError otherwise, with the nearest one)."""
    if statistic not in STATISTICS:
        hint = nearest(statistic, STATISTICS)
        raise PlanInvalidError(detail=f"{_at(where)}there is no statistic {statistic!r}; {hint}")
    return statistic


def figure_name(metric: str, statistic: str, batch_size: int) -> str:
    """Return the name of a figure for people: `p99 latency at 32 rows`."""
    words = [] if statistic == "value" else [statistic]
    words.append(metric_name(metric))
    if batch_size:
        words.append(f"at {batch_size} row{'s' if batch_size > 1 else ''}")
    return " ".join(words)


def metric_name(metric: str) -> str:
    """Return the name of a metric for people, without its unit: `first call`."""
    return _UNIT_ENDING.sub("", metric).replace("_", " ")


def _at(where: str) -> str:
    return f"{where}: " if where else ""
