"""The Pareto front where not every difference is known: who is certainly beaten, and who is left. Pure.

One beats another if in nothing that is known of the other it may be worse, and in something it is certainly better.
Ties are not transitive, so that candidates may beat each other in a circle; nobody in such a circle is left out unless
somebody outside of it beats one of them (the Schwartz set). There always is a front, and differences that are all known
make it the usual one.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Order(Enum):
    """What is known of one candidate and another in one dimension."""

    BETTER = "better"
    """Certainly."""
    WORSE = "worse"
    """Certainly."""
    ALIKE = "alike"
    """The same, or as far as can be told; also where nothing is known of the other."""
    UNKNOWN = "unknown"
    """It may be worse."""


Compare = Callable[[Key, Key], Order]
"""One dimension: what is known of the first against the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front(Generic[Key]):
    """Who is on the front, and by whom the others are beaten."""

    best: tuple[Key, ...]
    """In the order in which they were given; at least one, unless nobody was."""
    beaten_by: Mapping[Key, tuple[Key, ...]]
    """Of each of the others: those on the front that beat it, or at least one that beats somebody who does."""


def pareto_front(keys: Sequence[Key], dimensions: Sequence[Compare[Key]]) -> Front[Key]:
    """Return the front of `keys`.

    Args:
        keys: each once; all of one machine.
        dimensions: without any, nobody beats anybody.

    """
    beats = {one: [other for other in keys if other != one and dominates(one, other, dimensions)] for one in keys}
    reached = {one: _reached(one, beats) for one in keys}
    best = tuple(key for key in keys if all(one in reached[key] for one in keys if key in reached[one]))
    return Front(
        best=best,
        beaten_by={
            key: tuple(one for one in best if key in beats[one]) or tuple(one for one in best if key in reached[one])
            for key in keys
            if key not in best
        },
    )


def dominates(one: Key, other: Key, dimensions: Sequence[Compare[Key]]) -> bool:
    """Return whether `one` is certainly better than `other` in something, and may be worse in nothing."""
    orders = [compare(one, other) for compare in dimensions]
    return Order.BETTER in orders and all(order in (Order.BETTER, Order.ALIKE) for order in orders)


def _reached(start: Key, beats: Mapping[Key, Sequence[Key]]) -> frozenset[Key]:
    """Return who is beaten by `start`, by somebody whom it beats, and so on."""
    found: set[Key] = set()
    waiting = list(beats[start])
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting.extend(beats[key])
    return frozenset(found)
