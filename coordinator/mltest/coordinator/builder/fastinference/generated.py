"""Joins what FastInference writes, a header and a source for each model, into one file. Standard library only."""

import re
from collections.abc import Sequence
from pathlib import Path

_INCLUDE = re.compile(r'^#include "([A-Za-z0-9_]+)\.h"$', re.MULTILINE)
_ONCE = re.compile(r"^#pragma once.*$", re.MULTILINE)


def joined(folder: Path, name: str, parts: Sequence[str]) -> str:
    """Return the sources of `parts`, then that of `name`, with its own headers where it includes them.

    Nothing else is changed: it is what the preprocessor would read.
    """
    sources = [(folder / f"{part}.cpp").read_text(encoding="utf-8") for part in parts]
    whole = (folder / f"{name}.cpp").read_text(encoding="utf-8")

    def header(found: re.Match[str]) -> str:
        return _ONCE.sub("", (folder / f"{found[1]}.h").read_text(encoding="utf-8"))

    return "\n".join([*sources, _INCLUDE.sub(header, whole), ""])
