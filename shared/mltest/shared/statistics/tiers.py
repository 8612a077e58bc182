"""A ranking in which those that cannot be told apart share a rank."""

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import TypeVar

from mltest.shared.statistics.claims import is_relevant, p_value
from mltest.shared.statistics.holm import holm_adjusted
from mltest.shared.statistics.paired import Effect

Key = TypeVar("Key", bound=Hashable)


def ranks(order: Sequence[Key], effect: Callable[[Key, Key], Effect | None], *, alpha: float) -> tuple[int, ...]:
    """Return the rank of each, counted from 1; equal ranks are ties, and the next rank counts those above it.

    Args:
        order: all that are ranked, best first, each once.
        effect: of one against another; None where they cannot be compared.
        alpha: how likely at most even one of all differences is false.

    """
    claimed = claimed_pairs(order, effect, alpha=alpha)
    return tier_ranks(order, lambda one, leader: frozenset((one, leader)) in claimed)


def claimed_pairs(
    keys: Sequence[Key], effect: Callable[[Key, Key], Effect | None], *, alpha: float
) -> frozenset[frozenset[Key]]:
    """Return the pairs whose difference may be claimed, adjusted for all pairs of `keys` (Holm)."""
    pairs = list(combinations(keys, 2))
    effects = [effect(one, other) for one, other in pairs]
    p_values = [p_value(found, family_size=len(pairs), alpha=alpha) if found else 1.0 for found in effects]
    return frozenset(
        frozenset(pair)
        for pair, found, adjusted in zip(pairs, effects, holm_adjusted(p_values), strict=True)
        if found and adjusted <= alpha and is_relevant(found)
    )


def tier_ranks(order: Sequence[Key], differs: Callable[[Key, Key], bool]) -> tuple[int, ...]:
    """Return the rank of each, best first: a new tier starts with one that differs from the first of the tier above."""
    found: list[int] = []
    leader = None
    for position, key in enumerate(order, start=1):
        if leader is None or differs(key, leader):
            leader = key
            found.append(position)
        else:
            found.append(found[-1])
    return tuple(found)
