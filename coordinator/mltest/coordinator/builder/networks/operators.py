"""Operators of networks in NumPy, in float64: what they give, and what they hand back of a gradient.

Arrays are (rows, ...). An affine operator is `A x + b`; it hands back `A^T g` whatever `x` is, which serves
gradients and linear bounds alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Shape = tuple[int, ...]
"""Of one row."""


class Affine(Protocol):
    """An operator that is `A x + b`."""

    @property
    def fan_in(self) -> int:
        """How many numbers are summed up for one, at most."""
        ...

    def forward(self, *given: Numbers) -> Numbers:
        """Return what it gives for its inputs, each (rows, ...)."""
        ...

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return `A^T gradient` for each input; `shapes` are those of one row of the inputs."""
        ...

    def absolute(self, *, has_bias: bool) -> "Affine":
        """Return it with the absolute values of A, and of b unless that is left out."""
        ...


@dataclass(frozen=True, slots=True)
class Dense:
    """A matrix product: weights (inputs, outputs), bias (outputs,)."""

    weights: Numbers
    bias: Numbers

    @property
    def fan_in(self) -> int:
        """Inputs and the bias."""
        return len(self.weights) + 1

    def forward(self, *given: Numbers) -> Numbers:
        """Return x W + b."""
        return given[0] @ self.weights + self.bias

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return g W^T."""
        return (gradient @ self.weights.T,)

    def absolute(self, *, has_bias: bool) -> "Dense":
        """Return |W|, |b|."""
        return Dense(np.abs(self.weights), np.abs(self.bias) * has_bias)


@dataclass(frozen=True, slots=True)
class Scale:
    """The same factor and shift for every row, each of a shape that fits one row."""

    factor: Numbers
    shift: Numbers
    fan_in: int = 2

    def forward(self, *given: Numbers) -> Numbers:
        """Return x f + s."""
        return given[0] * self.factor + self.shift

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return g f."""
        return (gradient * self.factor,)

    def absolute(self, *, has_bias: bool) -> "Scale":
        """Return |f|, |s|."""
        return Scale(np.abs(self.factor), np.abs(self.shift) * has_bias)


@dataclass(frozen=True, slots=True)
class Reshape:
    """Another shape of each row."""

    shape: Shape
    fan_in: int = 0

    def forward(self, *given: Numbers) -> Numbers:
        """Return the same numbers."""
        return given[0].reshape(len(given[0]), *self.shape)

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return the same numbers in the shape that came in."""
        return (gradient.reshape(len(gradient), *shapes[0]),)

    def absolute(self, *, has_bias: bool) -> "Reshape":
        """Return itself."""
        return self


@dataclass(frozen=True, slots=True)
class Transpose:
    """Another order of the axes; the first stays."""

    axes: tuple[int, ...]
    fan_in: int = 0

    def forward(self, *given: Numbers) -> Numbers:
        """Return the same numbers."""
        return given[0].transpose(self.axes)

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return the same numbers in the order that came in."""
        return (gradient.transpose(np.argsort(self.axes)),)

    def absolute(self, *, has_bias: bool) -> "Transpose":
        """Return itself."""
        return self


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of inputs of one shape, each times 1 or -1."""

    signs: tuple[float, ...]

    @property
    def fan_in(self) -> int:
        """Inputs."""
        return len(self.signs)

    def forward(self, *given: Numbers) -> Numbers:
        """Return the sum."""
        signed = [sign * one for sign, one in zip(self.signs, given, strict=True)]
        return np.asarray(np.sum(signed, axis=0), dtype=np.float64)

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return the gradient for each."""
        return tuple(sign * gradient for sign in self.signs)

    def absolute(self, *, has_bias: bool) -> "Total":
        """Return the sum without signs."""
        return Total(tuple(1.0 for _ in self.signs))


@dataclass(frozen=True, slots=True)
class Joined:
    """Inputs one behind the other along an axis."""

    axis: int
    fan_in: int = 0

    def forward(self, *given: Numbers) -> Numbers:
        """Return all of them."""
        return np.concatenate(given, axis=self.axis)

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return each one's part."""
        ends = np.cumsum([shape[self.axis - 1] for shape in shapes])[:-1]
        return tuple(np.split(gradient, ends, axis=self.axis))

    def absolute(self, *, has_bias: bool) -> "Joined":
        """Return itself."""
        return self


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over axes, which stay with length 1."""

    axes: tuple[int, ...]
    fan_in: int = 1 << 12
    """At most, as images are."""

    def forward(self, *given: Numbers) -> Numbers:
        """Return the means."""
        return np.asarray(given[0].mean(axis=self.axes, keepdims=True))

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return an equal share for each."""
        count = prod(shapes[0][axis - 1] for axis in self.axes)
        return (np.broadcast_to(gradient / count, (len(gradient), *shapes[0])),)

    def absolute(self, *, has_bias: bool) -> "Mean":
        """Return itself."""
        return self


@dataclass(frozen=True, slots=True)
class Windows:
    """Where the windows of a convolution or a pool lie."""

    size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Top, left, bottom, right."""
    dilations: tuple[int, int] = (1, 1)

    def of(self, images: Numbers, padding: float = 0.0) -> Numbers:
        """Return a view (rows, channels, height, width, *size) of `images` (rows, channels, height, width)."""
        top, left, bottom, right = self.pads
        padded = np.pad(images, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=padding)
        spans = tuple((size - 1) * step + 1 for size, step in zip(self.size, self.dilations, strict=True))
        found = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(2, 3))
        return found[:, :, :: self.strides[0], :: self.strides[1], :: self.dilations[0], :: self.dilations[1]]

    def back(self, parts: Numbers, shape: Shape) -> Numbers:
        """Add `parts`, as `of` returns them, up where they came from: (rows, *shape)."""
        top, left, bottom, right = self.pads
        channels, height, width = shape
        made = np.zeros((len(parts), channels, height + top + bottom, width + left + right))
        rows, columns = parts.shape[2:4]
        for i in range(self.size[0]):
            for j in range(self.size[1]):
                first, other = i * self.dilations[0], j * self.dilations[1]
                last = first + (rows - 1) * self.strides[0] + 1
                end = other + (columns - 1) * self.strides[1] + 1
                made[:, :, first : last : self.strides[0], other : end : self.strides[1]] += parts[..., i, j]
        return made[:, :, top : top + height, left : left + width]


@dataclass(frozen=True, slots=True)
class Convolution:
    """Weights (outputs, inputs of a group, height, width), bias (outputs,)."""

    weights: Numbers
    bias: Numbers
    windows: Windows
    groups: int = 1

    @property
    def fan_in(self) -> int:
        """One window and the bias."""
        return prod(self.weights.shape[1:]) + 1

    def forward(self, *given: Numbers) -> Numbers:
        """Return the convolution, as ONNX has it (without turning the kernel)."""
        found = self.windows.of(given[0])
        rows, _, height, width = found.shape[:4]
        # (rows, groups, channels and places of a window, places)
        columns = found.transpose(0, 1, 4, 5, 2, 3).reshape(rows, self.groups, -1, height * width)
        sums = self._matrix() @ columns
        return sums.reshape(rows, -1, height, width) + self.bias[:, None, None]

    def pull(self, gradient: Numbers, shapes: Sequence[Shape]) -> tuple[Numbers, ...]:
        """Return what the transposed convolution gives."""
        rows, _, height, width = gradient.shape
        given = gradient.reshape(rows, self.groups, -1, height * width)
        columns = self._matrix().transpose(0, 2, 1) @ given
        parts = columns.reshape(rows, shapes[0][0], *self.windows.size, height, width).transpose(0, 1, 4, 5, 2, 3)
        return (self.windows.back(parts, shapes[0]),)

    def absolute(self, *, has_bias: bool) -> "Convolution":
        """Return |W|, |b|."""
        return replace(self, weights=np.abs(self.weights), bias=np.abs(self.bias) * has_bias)

    def _matrix(self) -> Numbers:
        """Return the weights (groups, outputs of a group, channels and places of a window)."""
        return self.weights.reshape(self.groups, len(self.weights) // self.groups, -1)


@dataclass(frozen=True, slots=True)
class Relu:
    """The larger of x and 0."""

    def forward(self, *given: Numbers) -> Numbers:
        """Return max(x, 0)."""
        return np.maximum(given[0], 0.0)

    def pull(self, gradient: Numbers, given: Numbers, made: Numbers) -> Numbers:
        """Return the gradient where x is above 0."""
        return gradient * (given > 0)


@dataclass(frozen=True, slots=True)
class Curve:
    """A function that grows and is steepest at 0: "sigmoid" or "tanh"."""

    name: str

    def forward(self, *given: Numbers) -> Numbers:
        """Return its value."""
        if self.name == "tanh":
            return np.tanh(given[0])
        return 0.5 * (1.0 + np.tanh(0.5 * given[0]))

    def slope(self, made: Numbers) -> Numbers:
        """Return the derivative where the value is `made`."""
        return 1.0 - made**2 if self.name == "tanh" else made * (1.0 - made)

    def pull(self, gradient: Numbers, given: Numbers, made: Numbers) -> Numbers:
        """Return the gradient times the derivative."""
        return gradient * self.slope(made)


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest value of each window."""

    windows: Windows

    def forward(self, *given: Numbers) -> Numbers:
        """Return the largest values."""
        return np.asarray(self.windows.of(given[0], -np.inf).max(axis=(4, 5)))

    def pull(self, gradient: Numbers, given: Numbers, made: Numbers) -> Numbers:
        """Hand the gradient to the first place that has the largest value."""
        return self.windows.back(gradient[..., None, None] * self.winners(given), given.shape[1:])

    def winners(self, given: Numbers) -> Numbers:
        """Return 1 in the place of each window that has the largest value, the first of them, else 0."""
        found = self.windows.of(given, -np.inf)
        flat = found.reshape(*found.shape[:4], -1)
        places = np.arange(flat.shape[-1])
        is_first = flat.argmax(axis=-1)[..., None] == places
        return np.asarray(is_first, dtype=np.float64).reshape(found.shape)


Bend = Relu | Curve | MaxPool
Operator = Affine | Bend
