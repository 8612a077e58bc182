"""The answer in one sentence."""

from collections.abc import Sequence

from mltest.shared.domain import StandingRow, Standings
from mltest.shared.units import factor_text


def verdict_text(standings: Standings) -> str:
    """Return which candidate on which agent is best, as far as that can be told."""
    best = [row for row in standings.rows if row.rank == 1]
    if not best:
        return "Nothing could be ranked."
    if len(best) > 1:
        names = _listed([f"{row.label} on {row.agent_name}" for row in best])
        return f"Best by {standings.ordered_by}: {names}, which cannot be told apart."
    return f"Best by {standings.ordered_by}: {best[0].label} on {best[0].agent_name}{_speedup(best[0])}."


def _speedup(row: StandingRow) -> str:
    if row.is_baseline:
        return ", the native baseline itself"
    if row.speedup is None or row.speedup_low is None or row.speedup_high is None:
        return ""
    factor, low, high = (factor_text(value) for value in (row.speedup, row.speedup_low, row.speedup_high))
    return f", {factor} the speed of the native baseline there (95 % interval {low} to {high})"


def _listed(names: Sequence[str]) -> str:
    if len(names) > 4:
        return ", ".join(names[:3]) + f" and {len(names) - 3} more"
    return " and ".join([", ".join(names[:-1]), names[-1]])
