"""The figures of `make chaos`, flat in build/bench/chaos.json; several runs write one file."""

from collections.abc import Mapping
from pathlib import Path

from bench.figures import add


def add_figures(figures: Mapping[str, float], *, is_new: bool = False) -> Path:
    """Write `figures` to those of earlier runs, or instead of them if the file `is_new`; return where."""
    return add("chaos", figures, is_new=is_new)
