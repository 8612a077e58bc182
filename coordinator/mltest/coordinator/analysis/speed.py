"""Whether a machine is as fast as it was: two checks of the same work, process by process on the same processors.

Only processes are independent of each other, as rounds are (docs/decisions/0011). Three parts are looked at together,
so that each interval is one of 1 - 0.05 / 3.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mltest.shared.domain import PartDrift, SpeedCheck, SpeedDrift
from mltest.shared.statistics.intervals import spread
from mltest.shared.statistics.student import t_quantile

ALPHA = 0.05
"""Of all parts together."""
SMALLEST_DRIFT = 0.05
"""What processes of one time do not show of what varies between times: as for two jobs (docs/decisions/0016)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSpeed:
    """What an agent found before a job and after it; None where it did not look."""

    before: SpeedCheck | None = None
    after: SpeedCheck | None = None


def speed_drift(before: SpeedCheck | None, after: SpeedCheck | None) -> SpeedDrift | None:
    """Return what changed from `before` to `after`; None where neither was made."""
    if before is None or after is None:
        return None if before is after else SpeedDrift(reason="the speed of the machine was not checked again")
    if before.work != after.work:
        return SpeedDrift(reason=f"the work of the speed check was another one: {before.work}, then {after.work}")
    if [one.cpu for one in before.processes] != [one.cpu for one in after.processes]:
        return SpeedDrift(reason="the speed was checked on other processors")
    names = [name for name in before.processes[0].part_ns if name in after.processes[0].part_ns]
    parts = tuple(_part(name, before, after, len(names)) for name in names)
    return SpeedDrift(parts=parts, is_drifted=any(map(is_drifted, parts)))


def is_drifted(part: PartDrift) -> bool:
    """Return whether a part changed by more than its own noise, and by enough to matter."""
    if part.low is None or part.high is None or part.low <= 1 <= part.high:
        return False
    return max(part.ratio, 1 / part.ratio) > 1 + SMALLEST_DRIFT


def job_check(found: CheckedSpeed) -> SpeedCheck | None:
    """Return the check that stands for a job beside another job: the one before it."""
    return found.before or found.after


def _part(name: str, before: SpeedCheck, after: SpeedCheck, family_size: int) -> PartDrift:
    old, new = _times(name, before), _times(name, after)
    logs = [math.log(late / early) for early, late in zip(old, new, strict=True)]
    centre = fmean(logs)
    low, high = _interval(centre, logs, ALPHA / family_size)
    return PartDrift(part=name, before_ns=_mean(old), after_ns=_mean(new), ratio=math.exp(centre), low=low, high=high)


def _interval(centre: float, logs: Sequence[float], alpha: float) -> tuple[float | None, float | None]:
    if len(logs) < 2:
        return None, None
    half_width = t_quantile(1 - alpha / 2, len(logs) - 1) * spread(logs) / math.sqrt(len(logs))
    return math.exp(centre - half_width), math.exp(centre + half_width)


def _times(name: str, check: SpeedCheck) -> list[int]:
    return [max(1, one.part_ns.get(name, 1)) for one in check.processes]


def _mean(times_ns: Sequence[int]) -> float:
    """Return the geometric mean: times spread by factors."""
    return math.exp(fmean(map(math.log, times_ns)))


def drifts(found: Mapping[str, CheckedSpeed]) -> dict[str, SpeedDrift]:
    """Return what is said of each agent whose speed was checked, by its identity."""
    said = {agent_id: speed_drift(one.before, one.after) for agent_id, one in found.items()}
    return {agent_id: drift for agent_id, drift in said.items() if drift is not None}
