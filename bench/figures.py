"""Prints the figures of a benchmark and writes them as one flat JSON object."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "build" / "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a benchmark."""

    name: str
    """Key in the JSON file; its unit ends the name."""
    value: float
    meaning: str
    target: str = ""
    """What it should reach, for people; empty where there is no target."""


def publish(benchmark: str, figures: Sequence[Figure], *, also: str = "") -> None:
    """Print a table of `figures` and write them to build/bench/`benchmark`.json.

    Args:
        benchmark: name of the file.
        figures: at least one.
        also: name of another file that they are added to, which several commands write; empty for none.

    """
    width = max(len(figure.name) for figure in figures)
    print(f"\n{benchmark}")
    for figure in figures:
        target = f"  [target {figure.target}]" if figure.target else ""
        print(f"  {figure.name:<{width}}  {figure.value:>12.4g}  {figure.meaning}{target}")
    path = write(benchmark, figures)
    if also:
        add(also, {figure.name: figure.value for figure in figures})
    print(f"  -> {path.relative_to(FOLDER.parents[1])}")


def write(benchmark: str, figures: Sequence[Figure], folder: Path = FOLDER) -> Path:
    """Write `figures` to `benchmark`.json in `folder` as one flat JSON object, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{benchmark}.json"
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps({figure.name: figure.value for figure in figures}, indent=2) + "\n")
    unfinished.replace(path)
    return path


def add(benchmark: str, values: Mapping[str, float], *, is_new: bool = False) -> Path:
    """Add `values` to those of earlier runs in `benchmark`.json, or replace them if it `is_new`; return the file."""
    path = FOLDER / f"{benchmark}.json"
    earlier = {} if is_new or not path.exists() else json.loads(path.read_text())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**earlier, **values}, indent=2) + "\n")
    return path


def median(values: Sequence[float]) -> float:
    """Return the median of at least one value."""
    return statistics.median(values)


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the ratios of values that were measured one after the other."""
    return statistics.median(top / bottom for top, bottom in zip(numerators, denominators, strict=True))
