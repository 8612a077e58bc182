"""How much it takes to change what a network says: by attacks along its gradients, and by proof. Only where asked for.

Changes are measured in shares of each column's range in the data (L-infinity); of images in shares of the range of all
pixels, which they do not leave.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result, Task

if TYPE_CHECKING:
    from mltest.coordinator.builder.model_evidence import ModelEvidence

_RADII = (0.01, 0.02, 0.05, 0.1)
_RANGES = ("auto", "columns", "image")
_NEEDS = Needs(tasks=(Task.CLASSIFICATION,), families=("mlp", "network"), target=True)


def _check(rows: int, budget_s: float, radii: Sequence[float], ranges: str) -> None:
    if rows < 1 or not budget_s > 0 or not all(radius > 0 for radius in radii):
        raise ValueError("rows has to be at least 1, budget_s and every radius above 0")
    if ranges not in _RANGES:
        raise ValueError(f"ranges has to be one of {', '.join(_RANGES)}")


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAttack:
    """The share of rows that keep their label under PGD, APGD, FAB and Square; each find is verified on the model.

    What an attack did not find may still exist: the shares are upper bounds. Where the gradient cannot be had, Square
    alone asks the model for scores, and that is said.

    Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks"; Croce et al. 2021, "RobustBench".
    """

    needs: ClassVar[Needs] = _NEEDS
    name: ClassVar[str] = "network attack"
    is_default: ClassVar[bool] = False

    rows: int = 100
    """The first rows that are looked at; those with the right label are attacked."""
    radii: tuple[float, ...] = _RADII
    """The largest changes."""
    ranges: str = "auto"
    """What a radius is a share of: "columns", each one's range; "image", the range of all; "auto", as the model is."""
    steps: int = 50
    """Of attacks along gradients."""
    restarts: int = 2
    """Of PGD."""
    aims: int = 9
    """Other classes that APGD and FAB aim at, the most likely first."""
    queries: int = 500
    """Of Square, for each row that is left."""
    seed: int = 0
    """Of starts and squares."""
    budget_s: float = 60.0
    """Shared by the radii; what was not attacked to the end by then counts as withstanding, and as not finished."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        _check(self.rows, self.budget_s, self.radii, self.ranges)
        if min(self.steps, self.restarts, self.aims) < 1 or self.queries < 1:
            raise ValueError("steps, restarts, aims and queries have to be at least 1")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the share that withstood at each radius, and what each attack broke."""
        from mltest.coordinator.builder.judging.networks.network_attack import network_attack_facts
        from mltest.coordinator.builder.networks.ensemble import Effort

        effort = Effort(steps=self.steps, restarts=self.restarts, aims=self.aims, queries=self.queries, seed=self.seed)
        return network_attack_facts(
            evidence,
            self.name,
            rows=self.rows,
            radii=self.radii,
            ranges=self.ranges,
            effort=effort,
            budget_s=self.budget_s,
        ).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkBound:
    """A radius within which no change can change a network's label: a sound lower bound by linear relaxation (CROWN).

    It holds for the model with its rounding errors, whatever the order of its sums.

    Source: Zhang et al. 2018, "Efficient neural network robustness certification with general activation functions".
    """

    needs: ClassVar[Needs] = _NEEDS
    name: ClassVar[str] = "network bound"
    is_default: ClassVar[bool] = False

    rows: int = 50
    """The first rows that are looked at; a radius is proven for those with the right label."""
    radii: tuple[float, ...] = _RADII
    """At which the share of rows is given whose label certainly stays."""
    ranges: str = "auto"
    """As of the attack."""
    budget_s: float = 60.0
    """Rows that were not looked at to the end by then are counted; what is proven of them stays."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        _check(self.rows, self.budget_s, self.radii, self.ranges)

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return what is proven, or why the network cannot be read."""
        from mltest.coordinator.builder.judging.networks.network_bound import network_bound_facts

        return network_bound_facts(
            evidence, self.name, rows=self.rows, radii=self.radii, ranges=self.ranges, budget_s=self.budget_s
        ).results
