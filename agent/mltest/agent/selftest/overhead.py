"""overhead: what the loop that times calls costs itself."""

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.local_rounds import standard_latency
from mltest.agent.selftest.models import candidate_of
from mltest.shared.statistics.percentiles import percentile

_ROUNDS, _QUICK_ROUNDS = 10, 2
_WORKERS = 3


async def overhead(bench: Bench) -> list[Finding]:
    """Read the empty calls that every worker times in the loop of the real ones."""
    model, batch_size = bench.first_of(("forest", "treelite", 1), ("logistic", "onnxruntime", 1))
    sha256 = bench.sha256(model.path)
    candidates = [candidate_of(model, sha256, f"w{number}") for number in range(_WORKERS)]
    values_ns: list[int] = []
    for seed in range(_QUICK_ROUNDS if bench.options.is_quick else _ROUNDS):
        events = await bench.rounds.run(
            candidates, bench.rows, seed=seed, latency=standard_latency(batch_size, slice_count=1)
        )
        values_ns += [value for one in events.series("null_call_ns") for value in one.values]
    return overhead_findings(values_ns)


def overhead_findings(values_ns: list[int]) -> list[Finding]:
    """Return median and 99th percentile of empty calls."""
    ordered = sorted(values_ns)
    return [
        Finding(
            name="harness_ns_per_call",
            value=percentile(ordered, 50) if ordered else None,
            meaning="an empty call in the loop that times calls, median",
            bar=Bar(high=150),
            of_count=len(ordered),
        ),
        Finding(
            name="harness_p99_ns_per_call",
            value=percentile(ordered, 99) if ordered else None,
            meaning="the same, 99th percentile",
            bar=Bar(high=500),
            of_count=len(ordered),
        ),
    ]
