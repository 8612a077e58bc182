"""How much more energy one candidate needs than another: paired by rounds, on one meter of one machine."""

import math
from collections.abc import Sequence

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.reading import Absent
from mltest.shared.energy.result import Quantity
from mltest.shared.energy.rounds import RoundEnergy
from mltest.shared.statistics.paired import Effect, effect_of


def energy_effect(
    candidate: tuple[Boundary, Sequence[RoundEnergy]],
    reference: tuple[Boundary, Sequence[RoundEnergy]],
    quantity: Quantity,
) -> Effect | Absent:
    """Return the energy of `candidate` divided by that of `reference`; the scale of the meter drops out.

    Both are of the same machine. Whether a difference may be claimed, among how many, says
    `mltest.shared.statistics.claims`.
    """
    (boundary, rounds), (other_boundary, other_rounds) = candidate, reference
    mine, theirs = (boundary.name, boundary.spec.meter), (other_boundary.name, other_boundary.spec.meter)
    if mine != theirs:
        return Absent(f"{' of '.join(mine)} and {' of '.join(theirs)} are different things, and cannot be compared")
    ours, others = _by_round(rounds, quantity), _by_round(other_rounds, quantity)
    shared = sorted(ours.keys() & others.keys())
    if any(min(ours[index], others[index]) <= 0 for index in shared):
        return Absent("below resolution: in some round the load added nothing")
    effect = effect_of([math.log(ours[index] / others[index]) for index in shared])
    return Absent("they share no sound round") if effect is None else effect


def _by_round(rounds: Sequence[RoundEnergy], quantity: Quantity) -> dict[int, float]:
    return {one.round_index: one.net_j if quantity is Quantity.NET else one.gross_j for one in rounds}
