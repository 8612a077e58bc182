"""The figures of `make chaos`, flat in build/bench/chaos.json; several runs write one file."""

import json
from collections.abc import Mapping
from pathlib import Path

PATH = Path(__file__).resolve().parents[2] / "build" / "bench" / "chaos.json"


def add_figures(figures: Mapping[str, float], *, is_new: bool = False) -> Path:
    """Write `figures` to those of earlier runs, or instead of them if the file `is_new`; return where."""
    PATH.parent.mkdir(parents=True, exist_ok=True)
    earlier = {} if is_new or not PATH.exists() else json.loads(PATH.read_text())
    PATH.write_text(json.dumps({**earlier, **figures}, indent=2) + "\n")
    return PATH
