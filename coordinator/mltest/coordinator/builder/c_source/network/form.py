"""A chain of matrix products between a library's model and code: linear models, kernels, networks. Pure."""

from dataclasses import dataclass
from enum import Enum

Row = tuple[float, ...]


class Product(Enum):
    """What is summed over the inputs of an output."""

    DOT = "dot"
    """input * weight"""
    DISTANCE = "distance"
    """(input - weight) squared"""


class Curve(Enum):
    """What becomes of a sum, after `factor * sum + offset`."""

    IDENTITY = "identity"
    RELU = "relu"
    TANH = "tanh"
    LOGISTIC = "logistic"
    EXPONENTIAL = "exponential"
    POWER = "power"
    """Raised to a whole number."""


class Link(Enum):
    """What turns the last sums into scores."""

    IDENTITY = "identity"
    EXPONENTIAL = "exponential"
    LOGISTIC = "logistic"
    """One sum; two probabilities: 1 - p and p, with p = 1 / (1 + exp(-sum))."""
    SOFTMAX = "softmax"
    ONE_AGAINST_REST = "one-against-rest"
    """The logistic function of each sum, divided by their total."""


PROBABILITY_LINKS = (Link.LOGISTIC, Link.SOFTMAX, Link.ONE_AGAINST_REST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """`(value - centre) * factor + shift` of each feature; each field has an entry for each."""

    centre: Row
    factor: Row
    shift: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Neighbouring outputs of a layer that are made from neighbouring inputs."""

    first_input: int
    first_output: int
    weights: tuple[Row, ...]
    """For each output, a weight for each input; whole numbers where the layer has units."""

    @property
    def input_count(self) -> int:
        """Return how many inputs each of its outputs is made from."""
        return len(self.weights[0])

    @property
    def output_count(self) -> int:
        """Return the number of its outputs."""
        return len(self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One product of a row with weights, and a curve."""

    input_count: int
    pieces: tuple[Piece, ...]
    """Together they have every output once, in order."""
    bias: Row = ()
    """Added to each sum; empty: nothing is."""
    product: Product = Product.DOT
    curve: Curve = Curve.IDENTITY
    factor: float = 1.0
    offset: float = 0.0
    degree: int = 1
    number_type: str = "float64"
    """In which it is computed: float32 or float64."""
    is_exact: bool = False
    """Whether it stays in float64 where others become float32: that costs little, and single-precision sums much."""
    units: Row = ()
    """For each output, what a weight of 1 stands for, where weights are 8-bit integers; empty: they are numbers."""

    @property
    def output_count(self) -> int:
        """Return the number of its outputs."""
        return sum(piece.output_count for piece in self.pieces)

    @property
    def weight_count(self) -> int:
        """Return the number of its weights."""
        return sum(piece.input_count * piece.output_count for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """The last sums are decisions between two classes each; the class that wins most of them is the label.

    Source: svm_predict_values of libsvm 3.3 as scikit-learn ships it, and its `_ovr_decision_function`.
    """

    class_count: int
    is_grouped: bool
    """Whether the sums are (classes, classes - 1): what the support vectors of one class say against each other."""
    against_rest: bool
    """Whether scores are one for each class, not one for each pair."""
    breaks_ties: bool
    """Whether the label is the class with the largest score."""
    slopes: Row = ()
    offsets: Row = ()
    """Of the sigmoid of each pair, where the model has probabilities; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What becomes of the last sums."""

    output: str
    """What a call answers: probabilities, values, labels, scores."""
    link: Link = Link.IDENTITY
    votes: Votes | None = None
    """Instead of a link."""

    @property
    def gives_probabilities(self) -> bool:
        """Return whether scores are probabilities."""
        return self.link in PROBABILITY_LINKS or (self.votes is not None and bool(self.votes.slopes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A model."""

    feature_count: int
    input_type: str
    """In which rows come: float32 or float64."""
    scalings: tuple[Scaling, ...] = ()
    """One after the other, before the first layer."""
    layers: tuple[Layer, ...]
    ending: Ending

    @property
    def sum_count(self) -> int:
        """Return how many sums the last layer gives."""
        return self.layers[-1].output_count

    @property
    def weight_count(self) -> int:
        """Return the number of weights of all layers."""
        return sum(layer.weight_count for layer in self.layers)


def whole(weights: tuple[Row, ...]) -> tuple[Piece, ...]:
    """Return the pieces of a layer in which every output is made from every input."""
    return (Piece(first_input=0, first_output=0, weights=weights),)
