"""Who is measured again: time goes where the ranking is undecided. docs/decisions/0012 says why so.

The decision after a round is a pure function of all rounds so far. It goes through them again from the first look on,
so that a contender once stopped stays stopped, and so that stored samples can be decided upon as if they came in now.
"""

from bisect import bisect_right
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import comb
from statistics import fmean

from mltest.shared.statistics.claims import ALPHA_STOPPED, SMALLEST_DIFFERENCE, is_claimed
from mltest.shared.statistics.paired import Effect, RoundTimes, effect_of, round_logs
from mltest.shared.statistics.stopping import StopRule, is_precise

_MOST_PASSES = 2
"""Times the largest number of rounds, that a race may have when contenders come back to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A candidate of one agent, as far as it was measured."""

    name: str
    """Its identity."""
    cells: Mapping[Hashable, RoundTimes]
    """By form of a call and batch size."""
    is_reference: bool = False
    """Whether it is what precision is judged by: it never leads, and stays as long as anybody does."""


class StopReason(Enum):
    """Why a contender is not measured again."""

    PRECISE = "precise"
    """Its ratios are known as exactly as wanted."""
    ELIMINATED = "eliminated"
    """It is certainly slower than the leader."""
    MAX_ROUNDS = "max_rounds"
    """It has had all rounds that there are, and is still not known exactly enough."""
    SCREENED = "screened"
    """The screening before the rounds found it certainly slower than the two best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who takes part in the next round."""

    active: frozenset[str]
    """With the leader and the reference; empty when everything is decided."""
    stopped: Mapping[str, StopReason]
    """The others, but for the reference."""
    stopped_after: Mapping[str, int]
    """Rounds that each of them was measured in."""


def decide(
    contenders: Sequence[Contender],
    objective_cell: Hashable,
    rule: StopRule,
    *,
    is_higher_better: bool = False,
    ranked_count: int = 0,
    may_not_lead: Collection[str] = (),
) -> Decision:
    """Return who takes part in the next round.

    Args:
        contenders: all of one block of one agent, those that stopped earlier included; one of them at most is the
            reference, and without one the leader stands for it.
        objective_cell: where the order is decided; None, or a cell that nobody has, leaves the
            decision to the widths.
        rule: bounds of the number of rounds, and the wanted width.
        is_higher_better: whether the cells hold rates instead of times.
        ranked_count: candidates that the ranking of the agent compares, where there are more than these.
        may_not_lead: those that the ranking does not take: they eliminate nobody, and no round is for them alone.

    """
    race = _Race(contenders, objective_cell, is_higher_better=is_higher_better)
    family_size = comb(max(ranked_count, len(contenders), 2), 2)
    stopped: dict[str, StopReason] = {}
    stopped_after: dict[str, int] = {}
    for count in range(rule.min_rounds, len(race.rounds) + 1):
        active = [name for name in race.names if name not in stopped]
        leader = race.leader([name for name in active if name not in may_not_lead], count)
        found = _stops(race, active, leader, count, rule, family_size)
        stopped |= found
        stopped_after |= {name: race.count(name, count) for name in found}
    left = frozenset(race.names) - stopped.keys()
    if left <= frozenset(may_not_lead):
        left = frozenset()
    with_reference = left | {race.reference} if left and race.reference else left
    if len(race.rounds) < rule.min_rounds:
        with_reference = frozenset(contender.name for contender in contenders)
    return Decision(active=with_reference, stopped=stopped, stopped_after=stopped_after)


def elimination_alpha(count: int, rule: StopRule) -> float:
    """Return the level at which a contender is eliminated after `count` rounds.

    Everybody is looked at after each round. The levels of all looks add up to that of a claim: half of it for the
    first look, where most are eliminated, and the rest in equal parts for the others. So whoever is eliminated is
    nearly always told apart by the ranking as well, which compares the same pairs at the whole level; not always, since
    the leader may change later.
    """
    further = rule.max_rounds - rule.min_rounds
    level = ALPHA_STOPPED * rule.level_share
    if count <= rule.min_rounds:
        return level / 2 if further else level
    return level / 2 / further


class _Race:
    """Effects between contenders after so many rounds."""

    def __init__(self, contenders: Sequence[Contender], objective_cell: Hashable, *, is_higher_better: bool) -> None:
        self._cells = {contender.name: contender.cells for contender in contenders}
        self._sign = -1.0 if is_higher_better else 1.0
        self._logs: dict[tuple[str, str, Hashable], dict[int, float]] = {}
        self.objective_cell = objective_cell
        self.reference = next((contender.name for contender in contenders if contender.is_reference), "")
        self.names = tuple(contender.name for contender in contenders if not contender.is_reference)
        self._own_rounds = {
            name: sorted({index for times in cells.values() for index in times}) for name, cells in self._cells.items()
        }
        self.rounds = sorted({index for own in self._own_rounds.values() for index in own})

    def count(self, name: str, count: int) -> int:
        """Return in how many of the first `count` rounds somebody was measured."""
        return bisect_right(self._own_rounds[name], self.rounds[count - 1])

    def cells(self, name: str) -> tuple[Hashable, ...]:
        """Return the cells that were measured of a contender."""
        return tuple(self._cells[name])

    def effect(self, name: str, other: str, cell: Hashable, count: int) -> Effect | None:
        """Return how much worse `name` is than `other` after `count` rounds; None where they share no slice."""
        key = (name, other, cell)
        if key not in self._logs:
            logs = round_logs(self._cells[name].get(cell, {}), self._cells[other].get(cell, {}))
            self._logs[key] = {index: self._sign * log for index, log in logs.items()}
        last = self.rounds[count - 1]
        return effect_of([log for index, log in self._logs[key].items() if index <= last])

    def leader(self, names: Sequence[str], count: int) -> str:
        """Return the best of `names` at the objective; empty where none was measured there."""
        measured = [name for name in names if self.objective_cell in self._cells[name]]
        if not measured:
            return ""
        yardstick = self.reference if self.objective_cell in self._cells.get(self.reference, {}) else measured[0]
        effects = {name: self.effect(name, yardstick, self.objective_cell, count) for name in measured}
        means = {name: fmean(effect.logs) for name, effect in effects.items() if effect}
        return min(means, key=means.__getitem__) if means else ""


def _stops(
    race: _Race, active: Sequence[str], leader: str, count: int, rule: StopRule, family_size: int
) -> dict[str, StopReason]:
    """Return who stops after `count` rounds of the race.

    Who missed some, because it was eliminated by somebody who may not lead any more, still gets as many as the others.
    """
    found = {
        name: reason
        for name in active
        if name != leader and (reason := _reason_to_stop(race, name, leader, count, rule, family_size)) is not None
    }
    is_end = count >= _MOST_PASSES * rule.max_rounds
    over = [name for name in active if is_end or race.count(name, count) >= rule.max_rounds]
    found = dict.fromkeys((name for name in over if name != leader), StopReason.MAX_ROUNDS) | found
    if leader and len(found) == len(active) - 1:
        if _is_known(race, leader, race.reference, count, rule):
            found[leader] = StopReason.PRECISE
        elif leader in over:
            found[leader] = StopReason.MAX_ROUNDS
    return found


def _reason_to_stop(
    race: _Race, name: str, leader: str, count: int, rule: StopRule, family_size: int
) -> StopReason | None:
    effect = race.effect(name, leader, race.objective_cell, count) if leader else None
    own_count = race.count(name, count)
    alpha = elimination_alpha(own_count, rule)
    is_slower = effect is not None and effect.ratio > 1 and own_count >= rule.min_rounds
    if effect and is_slower and is_claimed(effect, family_size=family_size, alpha=alpha):
        return StopReason.ELIMINATED
    if (effect is None or _is_settled(effect, rule)) and _is_known(race, name, race.reference or leader, count, rule):
        return StopReason.PRECISE
    return None


def _is_settled(effect: Effect, rule: StopRule) -> bool:
    """Return whether further rounds would not change what is said of a contender and the leader."""
    interval = effect.interval
    if interval is None:
        return False
    is_tie = interval.low >= 1 / (1 + SMALLEST_DIFFERENCE) and interval.high <= 1 + SMALLEST_DIFFERENCE
    return is_tie or is_precise(effect, rule)


def _is_known(race: _Race, name: str, reference: str, count: int, rule: StopRule) -> bool:
    """Return whether each cell that a contender shares with the reference is known exactly enough."""
    if not reference or reference == name:
        return True
    effects = [race.effect(name, reference, cell, count) for cell in race.cells(name)]
    return all(is_precise(effect, rule) for effect in effects if effect is not None) and any(effects)
