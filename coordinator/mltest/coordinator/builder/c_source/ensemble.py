"""A tree ensemble between a library's model and code: what every family has in common. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

LEAF = -1
"""Feature of a node that is a leaf."""
EVERY_OUTPUT = -1
"""Output of a tree whose leaves have a value for each output."""


class Link(Enum):
    """What turns the sums of an ensemble into its answer."""

    NONE = "none"
    SIGMOID = "sigmoid"
    """One sum; two outputs: 1 - p and p, with p = 1 / (1 + exp(-alpha * sum))."""
    LOGISTIC = "logistic"
    """As SIGMOID, of a regressor: each sum becomes p."""
    SOFTMAX = "softmax"
    EXP = "exp"
    """exp(sum), as of a Poisson loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One tree; every field but `output` has an entry for each node, node 0 is the root."""

    features: tuple[int, ...]
    """Column of X that is compared; LEAF for a leaf."""
    thresholds: tuple[float, ...]
    """x <= threshold goes to the left child, in the type of X of the ensemble; 0 for a leaf."""
    lefts: tuple[int, ...]
    rights: tuple[int, ...]
    """Children, each with a greater number than its parent; LEAF for a leaf."""
    misses_left: tuple[bool, ...]
    """Whether a missing value (NaN) goes to the left child."""
    values: tuple[tuple[float, ...], ...]
    """Of a leaf: what it adds, one value or one for each output; empty for other nodes."""
    output: int = EVERY_OUTPUT
    """Where the one value of each leaf is added; EVERY_OUTPUT: each leaf has as many values as there are sums."""

    @property
    def node_count(self) -> int:
        """Return the number of nodes, leaves among them."""
        return len(self.features)

    def depth(self) -> int:
        """Return the largest number of comparisons on a way from the root to a leaf."""
        depths = [0] * self.node_count
        for node, left, right in self.inner():
            depths[left] = depths[right] = depths[node] + 1
        return max(depths)

    def inner(self) -> Iterator[tuple[int, int, int]]:
        """Yield each node that is no leaf, with its children; parents come before their children."""
        for node, feature in enumerate(self.features):
            if feature != LEAF:
                yield node, self.lefts[node], self.rights[node]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Trees, and how their leaves become an answer."""

    feature_count: int
    input_type: str
    """Type in which X is compared: float32 or float64."""
    sum_type: str
    """Type in which leaves are added: float32 or float64, as the original library does; or int32."""
    base_scores: tuple[float, ...]
    """With what each sum begins."""
    trees: tuple[Tree, ...]
    """Leaves are added in this order."""
    divisor: int = 1
    """Of every sum, behind the last tree: the number of trees, if they are averaged."""
    link: Link = Link.NONE
    alpha: float = 1.0
    """Of the sigmoid."""
    leaf_bits: int = 0
    """Of leaves that are integers; 0: they are numbers of `sum_type`."""
    leaf_unit: float = 1.0
    """What a leaf of 1 stands for, where leaves are integers; base scores are added behind."""

    @property
    def sum_count(self) -> int:
        """Return how many sums there are."""
        return len(self.base_scores)

    @property
    def output_count(self) -> int:
        """Return how many values a row gets: of a classifier, one for each class in the order of its classes."""
        return 2 if self.link is Link.SIGMOID else self.sum_count

    @property
    def node_count(self) -> int:
        """Return the number of nodes of all trees."""
        return sum(tree.node_count for tree in self.trees)

    @property
    def depth(self) -> int:
        """Return the depth of the deepest tree."""
        return max((tree.depth() for tree in self.trees), default=0)
