"""In which order slices are measured: pure, and the same for the same seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """What one slice measures."""

    candidate_index: int
    batch_size: int


def slice_order(
    candidate_count: int, batch_sizes: Sequence[int], slice_count: int, seed: int
) -> Iterator[tuple[int, Cell]]:
    """Yield (slice index, cell): in each of `slice_count` sweeps every cell once, in an order of its own.

    Alternating cells within fractions of a second is what makes drift of the machine hit all candidates alike.
    """
    generator = random.Random(seed)
    cells = [Cell(index, size) for index in range(candidate_count) for size in batch_sizes]
    for slice_index in range(slice_count):
        generator.shuffle(cells)
        for cell in tuple(cells):
            yield slice_index, cell
