"""Who is not worth a full measurement: certainly slower than the two best, with every batch size. Pure.

docs/decisions/0040 says why so. It is looked at once, behind a fixed number of rounds.
"""

from collections.abc import Collection, Hashable, Sequence
from math import comb
from statistics import fmean

from mltest.shared.statistics.adaptive import Contender
from mltest.shared.statistics.claims import ALPHA_STOPPED, is_claimed
from mltest.shared.statistics.paired import Effect, effect_of, round_logs

SCREENING_SHARE = 0.5
"""Of the level of a claim, what screening may use up; the rounds behind it have the rest."""
LEADER_COUNT = 2
"""Everybody has to be beaten by so many: what one of them turns out to be later does not matter then."""


def screened_out(
    contenders: Sequence[Contender],
    may_lead: Collection[str],
    *,
    objective_cell: Hashable,
    round_count: int,
    ranked_count: int,
) -> frozenset[str]:
    """Return who needs no further round.

    The probability that anybody who is the fastest in one of the cells is among them is at most half the level of a
    claim: each comparison is held at its share for all pairs in all cells (Bonferroni).

    Args:
        contenders: of one block of one agent, without the reference.
        may_lead: those that would be ranked: predictions let pass, limits kept. Nobody is screened out by another.
        objective_cell: where the order is decided; somebody who was not timed there stays.
        round_count: of the screening; with fewer that two share, nothing is said of them.
        ranked_count: candidates of the agent, where there are more than these.

    """
    race = _Race(contenders, may_lead)
    pairs = comb(max(ranked_count, len(contenders), 2), 2)
    family_size = pairs * max(len(race.cells), 1)

    def is_beaten(name: str, leader: str, cell: Hashable) -> bool:
        effect = race.effect(name, leader, cell)
        return (
            effect is not None
            and len(effect.logs) >= round_count
            and effect.ratio > 1
            and is_claimed(effect, family_size=family_size, alpha=ALPHA_STOPPED * SCREENING_SHARE)
        )

    def is_out(contender: Contender) -> bool:
        if objective_cell not in contender.cells:
            return False
        leaders = {cell: race.leaders(cell) for cell in contender.cells}
        return all(
            len(names) == LEADER_COUNT
            and contender.name not in names
            and all(is_beaten(contender.name, leader, cell) for leader in names)
            for cell, names in leaders.items()
        )

    return frozenset(contender.name for contender in contenders if is_out(contender))


class _Race:
    """The contenders in each cell."""

    def __init__(self, contenders: Sequence[Contender], may_lead: Collection[str]) -> None:
        self._cells = {contender.name: contender.cells for contender in contenders}
        self.cells = tuple(dict.fromkeys(cell for contender in contenders for cell in contender.cells))
        self._leaders = {cell: self._best(cell, may_lead) for cell in self.cells}

    def effect(self, name: str, other: str, cell: Hashable) -> Effect | None:
        """Return the time of `name` divided by that of `other`; None where they share no slice."""
        ours, theirs = self._cells[name].get(cell, {}), self._cells[other].get(cell, {})
        return effect_of(list(round_logs(ours, theirs).values()))

    def leaders(self, cell: Hashable) -> tuple[str, ...]:
        """Return the best of a cell that may lead."""
        return self._leaders[cell]

    def _best(self, cell: Hashable, may_lead: Collection[str]) -> tuple[str, ...]:
        measured = [name for name, cells in self._cells.items() if cells.get(cell)]
        effects = {name: self.effect(name, measured[0], cell) for name in measured if name in may_lead}
        means = {name: fmean(effect.logs) for name, effect in effects.items() if effect}
        return tuple(sorted(means, key=means.__getitem__)[:LEADER_COUNT])
