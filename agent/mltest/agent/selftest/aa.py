"""aa, ab and stop: how often the protocol is wrong about candidates whose truth is known."""

import math
from collections.abc import Sequence

from mltest.agent.selftest.bench import Bench, SelftestOptions
from mltest.agent.selftest.campaign import Campaign
from mltest.agent.selftest.comparisons import (
    QUICK,
    STANDARD,
    Comparison,
    compared,
    coverage,
    false_differences,
    familywise_splits,
    half_width,
    is_over,
    power,
    rounds_used,
    tier_count,
)
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.recording import Recording, RoundRecord, read_records, windows_of
from mltest.shared.statistics.stopping import StopRule

POWER_BARS = {5: Bar(low=0.80), 10: Bar(low=0.95)}
_SHORTEST = StopRule(min_rounds=8, max_rounds=8, half_width=0.05)
_QUICK_WINDOWS = 3


def rule_of(options: SelftestOptions) -> StopRule:
    """Return the stop rule of the standard profile, or of a shorter form."""
    if options.is_shortest:
        return _SHORTEST
    return QUICK if options.is_quick else STANDARD


async def measured(bench: Bench) -> list[RoundRecord]:
    """Return the rounds of a campaign: those that the user named, or that were measured before, else measured now."""
    options = bench.options
    if options.replay is not None:
        return list(read_records(options.replay))
    if bench.records:
        return bench.records
    recording = Recording(options.output)
    try:
        campaign = Campaign(bench, rule_of(options), recording)
        count = window_count(options, options.candidate_count)
        await campaign.compare(count, identical_count=options.candidate_count, slow_percents=options.slow_percents)
    finally:
        recording.close()
    bench.records = recording.records
    return bench.records


def window_count(options: SelftestOptions, identical_count: int) -> int:
    """Return how many windows give as many comparisons as asked for, three of them at most in a quick form."""
    wanted = math.ceil(options.comparison_count / max(1, identical_count // 2))
    if options.is_shortest:
        return 1
    return min(wanted, _QUICK_WINDOWS) if options.is_quick else wanted


async def aa(bench: Bench) -> list[Finding]:
    """Compare identical candidates, and slowed ones, with the stop rule on."""
    return campaign_findings(await measured(bench), rule_of(bench.options))


async def ab(bench: Bench) -> list[Finding]:
    """Compare a model with itself made slower by a known share."""
    comparisons = all_compared(await measured(bench), rule_of(bench.options))
    return [
        *(power(comparisons, percent, POWER_BARS.get(percent)) for percent in bench.options.slow_percents),
        coverage(comparisons),
    ]


async def stop(bench: Bench) -> list[Finding]:
    """Look at how many rounds the stop rule takes, and what it does to the intervals."""
    comparisons = all_compared(await measured(bench), rule_of(bench.options))
    return [rounds_used(comparisons), coverage(comparisons), half_width(comparisons, rule_of(bench.options))]


def all_compared(records: Sequence[RoundRecord], rule: StopRule) -> list[Comparison]:
    """Return every comparison; a window that was not brought to its end is left out."""
    windows = [window for window in windows_of(records, "comparison") if is_over(window, rule)]
    return [one for window in windows for one in compared(window, rule)]


def campaign_findings(records: Sequence[RoundRecord], rule: StopRule) -> list[Finding]:
    """Return every figure that a campaign of identical and slowed candidates gives."""
    comparisons = all_compared(records, rule)
    tiers = [tier_count(window, rule) for window in windows_of(records, "comparison")]
    percents = sorted({round((one.truth_ratio - 1) * 100) for one in comparisons if one.truth_ratio > 1})
    return [
        false_differences(comparisons),
        familywise_splits([count for count in tiers if count is not None]),
        *(power(comparisons, percent, POWER_BARS.get(percent)) for percent in percents),
        coverage(comparisons),
        half_width([one for one in comparisons if one.truth_ratio == 1], rule),
        rounds_used(comparisons),
    ]
