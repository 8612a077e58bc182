"""What is said of radii that are known from below and from above: never one number where they do not meet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mltest.coordinator.builder.model_evidence import Facts

_TOLERANCE = 1e-5
"""Relative: bounds this close have met; examples are numbers of the data's type."""
_LEAST = 1e-3
"""Radius from which on that is relative."""


@dataclass(frozen=True, slots=True)
class Radius:
    """In shares of column ranges."""

    lower: float
    """No smaller change can change the label."""
    upper: float
    """A change of this size did, on the model; infinity if none was found."""


def is_open(lower: float, upper: float) -> bool:
    """Return whether a smaller change than `upper` may change the label."""
    return upper - lower > _TOLERANCE * max(lower, _LEAST)


def add_radii(facts: Facts, found: Sequence[Radius], chosen_count: int, radii: Sequence[float]) -> None:
    """Add bounds, exact radii where all of them are, and robust accuracy of rows that are right.

    Args:
        facts: of the test.
        found: of each row that was reached, at least one.
        chosen_count: rows that were to be looked at.
        radii: at which robust accuracy is given.

    """
    lower, upper = np.array([one.lower for one in found]), np.array([one.upper for one in found])
    open_count = sum(is_open(one.lower, one.upper) for one in found)
    facts.add("not_finished_count", chosen_count - len(found) + open_count, count=chosen_count)
    facts.add("attack_count", np.isfinite(upper).sum(), statistic="verified", count=len(found))
    if open_count:
        reason = f"between what is certified and what was found {open_count} of {len(found)} rows are open"
        facts.add("radius_exact", None, statistic="median", reason=reason)
    else:
        add_middles(facts, "radius_exact", lower)
    add_middles(facts, "radius_certified", lower)
    add_middles(facts, "radius_attacked", upper)
    for radius in radii:
        _add_robust(facts, lower, upper, radius)


def add_middles(facts: Facts, metric: str, values: np.ndarray) -> None:
    """Add median and mean of the radii that are finite, or that there is none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        facts.add(metric, None, statistic="median", reason="no change of these rows can change their label")
        return
    facts.add(metric, np.median(finite), statistic="median", count=len(finite))
    facts.add(metric, finite.mean(), statistic="mean", count=len(finite))


def _add_robust(facts: Facts, lower: np.ndarray, upper: np.ndarray, radius: float) -> None:
    """Add the share of rows that keep their label within `radius`: exactly, or at least and at most."""
    least, most = float((lower > radius).mean()), float((upper > radius).mean())
    bounds = {"exact": least} if least == most else {"at least": least, "at most": most}
    for word, share in bounds.items():
        facts.add("robust_accuracy", share, statistic=word, label=f"radius {radius:g}", count=len(lower))
