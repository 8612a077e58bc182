"""The text of a module that is installed, without importing it or what it is in."""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path


def installed_source(module: str) -> str:
    """Return the source of `module` where it is installed; empty if it is not, or is no Python file.

    Folders of PYTHONPATH do not count: child processes do not see them.
    """
    paths: list[str] | None = _installed_paths()
    *packages, name = module.split(".")
    for package in packages:
        spec = PathFinder.find_spec(package, paths)
        if spec is None or spec.submodule_search_locations is None:
            return ""
        paths = list(spec.submodule_search_locations)
    spec = PathFinder.find_spec(name, paths)
    origin = spec.origin if spec is not None else None
    if origin is None or not origin.endswith(".py"):
        return ""
    return Path(origin).read_text(encoding="utf-8", errors="replace")


def _installed_paths() -> list[str]:
    ignored = {"", *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    return [path for path in sys.path if path not in ignored]
