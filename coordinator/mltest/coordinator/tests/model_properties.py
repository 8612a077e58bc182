"""What the submitted model is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result

if TYPE_CHECKING:
    from mltest.coordinator.builder.model_evidence import ModelEvidence

_ESTIMATORS = ("skops", "pickle")


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class TreeProperties:
    """Trees, nodes, leaves, depths, and how often each feature is compared."""

    needs: ClassVar[Needs] = Needs(families=("forest", "boosting", "tree", "bagging"))
    name: ClassVar[str] = "trees"

    shown_features: int = 20
    """Whose comparisons are given, those with most first."""

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return every property; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.ensembles.tree_facts import tree_facts

        return tree_facts(evidence, self.name, shown_features=self.shown_features).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class SupportVectors:
    """Support vectors, their share of the training rows, and how many are at their bound."""

    needs: ClassVar[Needs] = Needs(families=("svm",), formats=_ESTIMATORS)
    name: ClassVar[str] = "support vectors"

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return every property; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.vectors.vector_facts import vector_facts

        return vector_facts(evidence, self.name).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkProperties:
    """Parameters, multiplications of convolutions and matrix products, operators, memory of activations for a row."""

    needs: ClassVar[Needs] = Needs(families=("mlp", "network"))
    name: ClassVar[str] = "network"

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return every property; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.networks.network_facts import network_facts

        return network_facts(evidence, self.name).results


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class LinearWeights:
    """Weights of a linear model, and how many of them are 0."""

    needs: ClassVar[Needs] = Needs(families=("linear", "svm"), formats=_ESTIMATORS)
    name: ClassVar[str] = "linear weights"

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return every property; one that cannot be had says why."""
        from mltest.coordinator.builder.judging.weight_facts import weight_facts

        return weight_facts(evidence, self.name).results
