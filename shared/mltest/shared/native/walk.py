"""Everything that an estimator holds, however deep."""

from collections.abc import Iterator, Mapping

import numpy as np


def held_objects(root: object) -> Iterator[object]:
    """Yield `root` and every object that it holds in attributes, lists, dictionaries and object arrays, each once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        current = waiting.pop()
        if id(current) in seen or isinstance(current, str | bytes | int | float | type):
            continue
        seen.add(id(current))
        yield current
        waiting.extend(_parts(current))


def _parts(current: object) -> list[object]:
    if isinstance(current, Mapping):
        return list(current.values())
    if isinstance(current, list | tuple | set):
        return list(current)
    if isinstance(current, np.ndarray):
        return current.ravel().tolist() if current.dtype == object else []
    return list(getattr(current, "__dict__", {}).values())
