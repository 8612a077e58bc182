"""openloop: is a server that stalls told from one that does not? A closed loop does not see it."""

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.local_rounds import VisitEvents, standard_latency
from mltest.agent.selftest.models import candidate_of
from mltest.shared.domain import OpenLoopSpec
from mltest.shared.statistics.percentiles import percentile

RATE_PER_S = 80.0
STALL_NS = 100_000_000
_DURATION_NS, _QUICK_DURATION_NS, _SHORTEST_DURATION_NS = 60 * 10**9, 15 * 10**9, 5 * 10**9


async def openloop(bench: Bench) -> list[Finding]:
    """Send requests by a schedule to a model that stalls for 100 ms in each second."""
    options = bench.options
    model, _ = bench.first_of(("forest", "onnxruntime", 1), ("forest", "treelite", 1), ("logistic", "scikit-learn", 1))
    duration_ns = _QUICK_DURATION_NS if options.is_quick else _DURATION_NS
    duration_ns = _SHORTEST_DURATION_NS if options.is_shortest else duration_ns
    stalled = candidate_of(model, bench.sha256(model.path), "stalled", slowed={"stall_ns": str(STALL_NS)})
    events = await bench.rounds.run(
        [stalled],
        bench.rows,
        seed=options.seed,
        latency=standard_latency(1, slice_ns=duration_ns // 24, slice_values=0),
        open_loop=OpenLoopSpec(rates_per_s=(RATE_PER_S,), duration_ns=duration_ns, batch_size=1),
    )
    return [
        _p99("openloop_stall_p99_ms", events, "open_loop_latency_ns", "from the scheduled time to the answer", 80),
        _p99("closed_loop_p99_ms", events, "latency_ns", "the same model called again and again: what hides a stall"),
        _p99("lateness_p99_ms", events, "open_loop_lateness_ns", "how late requests were by the generator's own fault"),
    ]


def _p99(name: str, events: VisitEvents, metric: str, meaning: str, least: float | None = None) -> Finding:
    values_ms = sorted(value / 1e6 for one in events.series(metric) for value in one.values)
    return Finding(
        name=name,
        value=percentile(values_ms, 99) if values_ms else None,
        meaning=f"{meaning}, 99th percentile" if values_ms else f"{meaning}: nothing was measured",
        bar=None if least is None else Bar(low=least),
        of_count=len(values_ms),
    )
