"""Whether the numbers of mltest can be believed: every bar of the protocol, measured on this machine.

    python -m bench.rigor [--short] [--minutes N] [--resume | --replay FILE]

Rounds are kept in build/bench/rigor-rounds.jsonl; --resume goes on behind those of an earlier run, --replay computes
what follows from them again. The figures so far are in build/bench/rigor.json at any time. Exit status: 1 if a bar is
missed or could not be measured, else 0.
"""

import argparse
import asyncio
import math
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bench.figures import FOLDER, Figure, publish, write
from bench.rigor_adaptive import REPLAYS, adaptive_findings, measure_fields
from bench.rigor_presence import presence
from mltest.agent.selftest.aa import campaign_findings, rule_of, window_count
from mltest.agent.selftest.agree import agree
from mltest.agent.selftest.bench import Bench, SelftestOptions
from mltest.agent.selftest.campaign import Campaign, finished
from mltest.agent.selftest.findings import Finding, table
from mltest.agent.selftest.local_rounds import LocalRounds, temporary_folder
from mltest.agent.selftest.models import make_models
from mltest.agent.selftest.native import native
from mltest.agent.selftest.openloop import openloop
from mltest.agent.selftest.overhead import overhead
from mltest.agent.selftest.recording import Recording, RoundRecord, read_records
from mltest.agent.selftest.regress import RUN_ROUNDS, regression_findings
from mltest.agent.selftest.storage import storage
from mltest.shared.errors import MltestError
from mltest.shared.statistics.stopping import StopRule

KEYS = (
    *("false_difference_ratio", "familywise_split_ratio", "power_5pct_ratio", "power_10pct_ratio"),
    *("interval_coverage_ratio", "interval_half_width_ratio", "harness_ns_per_call", "fidelity_python_ratio"),
    *("fidelity_native_ratio", "openloop_stall_p99_ms", "bytes_per_sample", "regression_found_ratio"),
    *("regression_false_alarms_per_100", "adaptive_same_winner_ratio", "adaptive_visits_ratio"),
    "agent_presence_ratio",
)

_MINUTES = 120.0
"""What 100 comparisons take on a machine with two processors."""
FEWEST_COMPARISONS = 100
"""Of identical candidates; with fewer, the share of false differences is not what was asked for."""
_SLOW_PERCENTS = (5, 10)
_SHORT_REPLAYS = 4

Part = Callable[[Bench], Awaitable[list[Finding]]]


def main() -> None:
    """Measure, print the table, and write build/bench/rigor.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.rigor", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="show that it works; its figures mean nothing")
    parser.add_argument("--minutes", type=float, default=_MINUTES, help="begin no round after that (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of every random choice")
    parser.add_argument("--resume", action="store_true", help="keep the windows that an earlier run finished")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="use these rounds instead of measuring them")
    given = parser.parse_args()
    name = "rigor-short" if given.short else "rigor"
    options = SelftestOptions(
        is_quick=given.short,
        is_shortest=given.short,
        limit_s=given.minutes * 60,
        seed=given.seed,
        candidate_count=4 if given.short else 6,
        output=FOLDER / f"{name}-rounds.jsonl",
        is_resumed=given.resume,
        replay=given.replay,
    )
    try:
        found = asyncio.run(measured(options))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    print(table(name, found))
    publish(name, figures_of(found))
    missed = missing_of(found)
    print("\n".join(missed) or f"all {len(KEYS)} bars are met")
    sys.exit(int(bool(missed) and not given.short))


async def measured(options: SelftestOptions) -> list[Finding]:
    """Return every finding; the campaign comes last, since it takes whatever time is left."""
    with temporary_folder() as name:
        folder = Path(name)
        models = await make_models(folder, seed=options.seed)
        bench = Bench(folder=folder, models=models, rounds=LocalRounds(folder), options=options)
        for runtime, reason in models.left_out.items():
            bench.say(f"left out: {runtime} ({reason})")
        parts: list[Part] = [overhead, agree, native, storage, openloop, lambda some: presence(some, folder / "daemon")]
        found: list[Finding] = []
        for part in parts:
            found += await _part(bench, part)
            _keep(found, options)
        records = await _rounds(bench, lambda so_far: _keep([*found, *findings_of(so_far, options)], options))
    return [*found, *findings_of(records, options)]


def missing_of(found: Sequence[Finding]) -> list[str]:
    """Return a line for each bar that is missed, and for each key that was not measured."""
    by_name = {finding.name: finding for finding in found}
    lines = [f"MISSED  {key}: {_shortcoming(by_name.get(key))}" for key in KEYS if _shortcoming(by_name.get(key))]
    false = by_name.get("false_difference_ratio")
    if false is not None and (false.of_count or 0) < FEWEST_COMPARISONS:
        text = f"only {false.of_count} comparisons of {FEWEST_COMPARISONS}; --minutes gives more time"
        lines.append(f"MISSED  false_difference_ratio: {text}")
    return lines


def _shortcoming(finding: Finding | None) -> str:
    if finding is None or finding.value is None:
        return f"not measured{'' if finding is None else f': {finding.meaning}'}"
    return "" if finding.is_met else f"{finding.value:.4g}, the bar is {finding.bar.text if finding.bar else ''}"


def _keep(found: Sequence[Finding], options: SelftestOptions) -> None:
    """Write the figures so far, so that an interrupted run leaves what it measured."""
    if options.output is not None:
        write(options.output.stem.removesuffix("-rounds"), figures_of(found, says=False), options.output.parent)


def findings_of(records: Sequence[RoundRecord], options: SelftestOptions) -> list[Finding]:
    """Return what recorded rounds show."""
    rule = rule_of(options)
    return [
        *campaign_findings(records, rule),
        *regression_findings(records, 1 if options.is_shortest else RUN_ROUNDS),
        *adaptive_findings(records, rule, _SHORT_REPLAYS if options.is_shortest else REPLAYS, options.seed),
    ]


def figures_of(found: Sequence[Finding], *, says: bool = True) -> list[Figure]:
    """Return the figures of the keys that were measured, each with its interval and its counts."""
    by_name = {finding.name: finding for finding in found}
    return [figure for key in KEYS if key in by_name for figure in _figures(by_name[key], says=says)]


def _figures(finding: Finding, *, says: bool) -> list[Figure]:
    if finding.value is None:
        if says:
            print(f"not measured: {finding.name}: {finding.meaning}")
        return []
    verdict = f" {finding.verdict}" if finding.bar else ""
    target = f"{finding.bar.text}{verdict}" if finding.bar else ""
    extras = {
        "low": (finding.low, "lower end of its 95 % interval"),
        "high": (finding.high, "upper end of its 95 % interval"),
        "count": (finding.count, "counted"),
        "of_count": (finding.of_count, "out of, or made of so many"),
    }
    return [
        Figure(name=finding.name, value=finding.value, meaning=finding.meaning, target=target),
        *(
            Figure(name=f"{finding.name}_{name}", value=value, meaning=meaning)
            for name, (value, meaning) in extras.items()
            if value is not None and math.isfinite(value)
        ),
    ]


async def _part(bench: Bench, part: Part) -> list[Finding]:
    """Return the findings of one part; where it cannot be measured, the others go on."""
    try:
        found = await part(bench)
    except MltestError as error:
        bench.say(f"not measured: {error.message}")
        return []
    for finding in found:
        value = "-" if finding.value is None else f"{finding.value:.4g}"
        bench.say(f"{finding.name} = {value}  {finding.verdict}")
    return found


async def _rounds(bench: Bench, keeps: Callable[[Sequence[RoundRecord]], None]) -> list[RoundRecord]:
    """Return recorded rounds: identical and slowed candidates, and different ways to run a model."""
    options, rule = bench.options, rule_of(bench.options)
    if options.replay is not None:
        return list(read_records(options.replay))
    recording = Recording(options.output, _earlier(options, rule))
    try:
        campaign = Campaign(bench, rule, recording)
        await measure_fields(bench, campaign, rule.max_rounds)
        keeps(recording.records)
        count = window_count(options, options.candidate_count)
        await campaign.compare(
            count,
            identical_count=options.candidate_count,
            slow_percents=_SLOW_PERCENTS,
            after_window=lambda: keeps(recording.records),
        )
    finally:
        recording.close()
    return recording.records


def _earlier(options: SelftestOptions, rule: StopRule) -> list[RoundRecord]:
    if not options.is_resumed or options.output is None or not options.output.exists():
        return []
    return finished(list(read_records(options.output)), rule)


if __name__ == "__main__":
    main()
