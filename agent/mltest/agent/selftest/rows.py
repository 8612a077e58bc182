"""rows: that data which makes models look fast is told apart from real data."""

from statistics import median

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding, share
from mltest.agent.selftest.local_rounds import VisitEvents, call_ns, standard_latency
from mltest.agent.selftest.models import candidate_of
from mltest.shared.domain import CandidateEnded, Outcome, RemarkKind

_ROUNDS, _QUICK_ROUNDS = 6, 2


async def rows(bench: Bench) -> list[Finding]:
    """Feed distinct rows and one row again and again, in turn."""
    model, batch_size = bench.first_of(("forest", "treelite", 1), ("forest", "onnxruntime", 1))
    constant = bench.sha256(bench.models.folder / "constant.npz")
    candidate = candidate_of(model, bench.sha256(model.path), "a")
    ratios, flagged, blamed = [], 0, 0
    round_count = _QUICK_ROUNDS if bench.options.is_quick else _ROUNDS
    for seed in range(round_count):
        timed = [
            await bench.rounds.run([candidate], data, seed=seed, latency=standard_latency(batch_size))
            for data in (bench.rows, constant)
        ]
        distinct, repeated = timed
        flagged += is_flagged(repeated)
        blamed += is_flagged(distinct)
        if (fast_ns := _median_ns(repeated)) and (true_ns := _median_ns(distinct)):
            ratios.append(true_ns / fast_ns)
    return [
        share(
            "constant_rows_flagged_ratio", flagged, round_count, "one row fed again: refused or remarked", Bar(low=1)
        ),
        share("distinct_rows_flagged_ratio", blamed, round_count, "1,024 distinct rows: remarked", Bar(high=0)),
        Finding(
            name="constant_row_speed_ratio",
            value=median(ratios) if ratios else None,
            meaning=f"how many times faster one row makes {model.key} look, {batch_size} row a call",
            of_count=len(ratios),
        ),
    ]


def is_flagged(events: VisitEvents) -> bool:
    """Return whether a candidate was refused, or remarked for few distinct rows."""
    return any(
        end.outcome is not Outcome.OK or any(remark.kind is RemarkKind.FEW_ROWS for remark in end.remarks)
        for end in events.of(CandidateEnded)
    )


def _median_ns(events: VisitEvents) -> float:
    times_ns = [call_ns(one) for one in events.series("latency_ns") if one.values]
    return median(times_ns) if times_ns else 0.0
