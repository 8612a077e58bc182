"""A graph of LiteRT in float32, as far as chains of matrix products need one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]


class Code(Enum):
    """Operators, with their numbers in BuiltinOperator of schema.fbs."""

    ADD = 0
    FULLY_CONNECTED = 9
    LOGISTIC = 14
    MUL = 18
    RELU = 19
    SOFTMAX = 25
    TANH = 28
    SUB = 41


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant with its content, or a value (rows, width) that a call computes."""

    name: str
    width: int
    content: Numbers | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; tensors are meant by their positions in the graph."""

    code: Code
    inputs: tuple[int, ...]
    output: int


@dataclass(slots=True)
class Graph:
    """A chain: the first tensor holds the rows, the output of the last operator what it answers."""

    width: int
    """Features of a row."""
    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the rows."""
        self.tensors.append(Tensor("rows", self.width))

    @property
    def last(self) -> int:
        """Return the position of the value that the chain ends with so far."""
        return self.operators[-1].output if self.operators else 0

    def add(self, code: Code, width: int, constants: Sequence[Numbers] = ()) -> None:
        """Append an operator on the last value and `constants`, which gives (rows, `width`)."""
        number, inputs = len(self.operators), [self.last]
        for place, content in enumerate(constants):
            inputs.append(len(self.tensors))
            self.tensors.append(Tensor(f"{code.name}.{number}.{place}", content.shape[-1], content))
        self.operators.append(Operator(code, tuple(inputs), len(self.tensors)))
        self.tensors.append(Tensor(f"{code.name}.{number}", width))
