"""An attack that asks for scores only: it sets squares of pixels, or some columns, to an end of the box.

Source: Andriushchenko et al. 2020, "Square Attack: a query-efficient black-box adversarial attack via random search".
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.networks.ball import Ball
from mltest.coordinator.builder.networks.gradient_attacks import Found, HasTime
from mltest.coordinator.builder.networks.operators import Numbers, Shape

Margins = Callable[[Numbers, NDArray[np.integer]], Numbers]
"""Of points (points, features), and which of the rows they are near (points,): margins, below 0 another label."""
_FIRST_SHARE = 0.8
_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries of 10,000 after which the share of what is set is halved."""


def square(
    ball: Ball, ask: Margins, *, queries: int, image_shape: Shape, random: np.random.Generator, has_time: HasTime
) -> Found:
    """Return what at most `queries` questions for each row find."""
    count, width = ball.centres.shape
    shape = image_shape or (1, 1, width)
    points = ball.inside(ball.centres + _first(count, shape, random) * ball.half)
    found = np.asarray(ask(points, np.arange(count)))
    for query in range(1, queries):
        left = np.flatnonzero(found >= 0)
        if not len(left):
            break
        if not has_time():
            return Found(points, found, is_finished=False)
        is_set, ends = _proposal(len(left), shape, _share(query / queries), random)
        near = ball.of(left)
        tried = np.where(is_set, near.inside(near.centres + ends * ball.half), points[left])
        margins = np.asarray(ask(tried, left))
        is_less = margins < found[left]
        points[left[is_less]], found[left[is_less]] = tried[is_less], margins[is_less]
    return Found(points, found, is_finished=True)


def _first(count: int, shape: Shape, random: np.random.Generator) -> Numbers:
    """Return stripes of images, random ends of columns."""
    channels, height, width = shape
    stripes = random.choice((-1.0, 1.0), size=(count, channels, 1, width))
    return np.broadcast_to(stripes, (count, *shape)).reshape(count, channels * height * width)


def _share(progress: float) -> float:
    return float(_FIRST_SHARE / 2 ** sum(progress * 10_000 > at for at in _HALVED_AT))


def _proposal(count: int, shape: Shape, share: float, random: np.random.Generator) -> tuple[NDArray[np.bool_], Numbers]:
    """Return what is set (count, features), and the end of each: one for each channel of a square."""
    channels, height, width = shape
    if height == 1:
        size = max(1, round(share * width))
        order = random.random((count, width)).argsort(axis=1)
        return order < size, random.choice((-1.0, 1.0), size=(count, channels * width))
    side = min(max(1, round(np.sqrt(share * height * width))), height, width)
    top = random.integers(0, height - side + 1, size=(count, 1, 1))
    left = random.integers(0, width - side + 1, size=(count, 1, 1))
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    is_set = np.broadcast_to(inside[:, None], (count, *shape)).reshape(count, -1)
    ends = np.broadcast_to(random.choice((-1.0, 1.0), size=(count, channels, 1, 1)), (count, *shape))
    return is_set, ends.reshape(count, -1)
