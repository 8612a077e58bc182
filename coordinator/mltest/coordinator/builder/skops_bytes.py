"""A skops file that depends on what is in it only: skops names things by their addresses in memory, and dates files."""

import io
import json
import zipfile
from typing import Any

_SCHEMA = "schema.json"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip archive knows."""


def steady_skops(content: bytes) -> bytes:
    """Return the skops file `content` with numbers for addresses, in the order in which they are first named."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        names: dict[str, str] = {}
        numbered = _numbered(schema, {}, names)
        files = {names.get(name, name): archive.read(name) for name in archive.namelist() if name != _SCHEMA}
    files[_SCHEMA] = json.dumps(numbered, indent=2).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), files[name])
    return written.getvalue()


def _numbered(node: Any, numbers: dict[int, int], names: dict[str, str]) -> Any:
    """Return `node` of the schema with every `__id__` and the stem of every `file` replaced."""
    if isinstance(node, list):
        return [_numbered(child, numbers, names) for child in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key == "__id__" and isinstance(value, int):
            made[key] = numbers.setdefault(value, len(numbers) + 1)
        elif key == "file" and isinstance(value, str) and node.get("__loader__"):
            made[key] = names.setdefault(value, f"{len(names) + 1:06d}{value[value.rfind('.') :]}")
        else:
            made[key] = _numbered(value, numbers, names)
    return made
