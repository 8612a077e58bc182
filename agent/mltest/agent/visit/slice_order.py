"""In which order slices are measured, and where: pure, and the same for the same seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """What one slice measures."""

    candidate_index: int
    metric: str
    """Key of the form of the call."""
    batch_size: int


def slice_order(cells: Sequence[Cell], slice_count: int, seed: int) -> Iterator[tuple[int, Cell]]:
    """Yield (slice index, cell): in each of `slice_count` sweeps every one of `cells` once, in an order of its own.

    Alternating cells within fractions of a second is what makes drift of the machine hit all candidates alike.
    """
    generator = random.Random(seed)
    shuffled = list(cells)
    for slice_index in range(slice_count):
        generator.shuffle(shuffled)
        for cell in tuple(shuffled):
            yield slice_index, cell


def sweep_processors(processors: Sequence[int], slice_count: int, seed: int) -> tuple[int, ...]:
    """Return the processor of each of `slice_count` sweeps: every one of `processors` equally often, in random order.

    What is compared runs in the same place then, although processors are not equally fast at any time.
    """
    generator = random.Random(f"processors {seed}")
    found: list[int] = []
    while len(found) < slice_count:
        found += generator.sample(processors, len(processors))
    return tuple(found[:slice_count])
