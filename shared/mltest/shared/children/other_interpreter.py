"""Modules of this software in an interpreter that has not installed it: that of another virtual environment.

The other interpreter imports from its own environment, and this package, and nothing else, from where this process has
it. So the two environments share no library, and the software is of the same version in both.
"""

import json
import sys
from pathlib import Path

_PACKAGE = "mltest"
_START = f"""
import json, runpy, sys, types
package = types.ModuleType({_PACKAGE!r})
package.__path__ = json.loads(sys.argv.pop(1))
sys.modules[{_PACKAGE!r}] = package
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def other_command(python: Path, module: str, *arguments: str) -> list[str]:
    """Return the command line with which `python`, isolated, runs `module` of this package with `arguments`."""
    return [str(python), "-I", "-c", _START, json.dumps(package_folders()), module, *arguments]


def package_folders() -> list[str]:
    """Return the folders in which the modules of this package are."""
    return list(sys.modules[_PACKAGE].__path__)
