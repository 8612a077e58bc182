"""The exact sign-flip test: how likely differences are to point one way by chance.

Between two identical candidates the paired difference of a round is as likely positive as negative, whatever its
distribution. So each assignment of signs is as likely as the one that was seen, and counting those that are at least
as extreme gives an exact probability.
"""

from collections.abc import Sequence

LARGEST_COUNT = 40
"""Differences that can be dealt with: the two halves then have a million sums each."""

_TOLERANCE = 1e-12
"""Relative to the sum of all sizes: sums that differ by less are the same sum, added in another order."""


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the exact two-sided probability of a mean as far from 0 as that of `differences`.

    Never below 2^(1-n), and 1 where there are no differences.

    Raises:
        ValueError: there are more than `LARGEST_COUNT`.

    Source: Fisher 1935, "The Design of Experiments", section 21; counted in two halves, as Horowitz & Sahni 1974 do
    for subset sums.

    """
    if len(differences) > LARGEST_COUNT:
        raise ValueError(f"at most {LARGEST_COUNT} differences can be flipped")
    sizes = [abs(difference) for difference in differences]
    total = sum(sizes)
    threshold = abs(sum(differences)) - _TOLERANCE * total
    if threshold <= 0:
        return 1.0
    if abs(sum(differences)) >= total * (1 - _TOLERANCE) and all(sizes):
        return 2.0 ** (1 - len(sizes))
    middle = len(sizes) // 2
    count = _pairs_reaching(_signed_sums(sizes[:middle]), _signed_sums(sizes[middle:]), threshold)
    return 2.0 * count / 2.0 ** len(sizes)


def _signed_sums(sizes: Sequence[float]) -> list[float]:
    """Return the sums for all assignments of signs, ascending."""
    sums = [0.0]
    for size in sizes:
        sums = sorted([*(one - size for one in sums), *(one + size for one in sums)])
    return sums


def _pairs_reaching(ours: Sequence[float], theirs: Sequence[float], threshold: float) -> int:
    """Return how many pairs of one sum from each side reach `threshold`; both are ascending."""
    count, position = 0, len(theirs)
    for one in ours:
        while position and one + theirs[position - 1] >= threshold:
            position -= 1
        count += len(theirs) - position
    return count
