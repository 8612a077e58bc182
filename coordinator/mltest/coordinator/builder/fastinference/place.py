"""Where FastInference is: a checkout, an interpreter that can import it, or both, as the setting says."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mltest.shared.errors import ToolMissingError

TOOL = "fastinference"
"""How exporters and options name it."""
VARIABLE = "MLTEST_FASTINFERENCE"
"""Environment variable of the coordinator: a folder (checkout), an interpreter, or both with a colon between."""
HOW_TO_GET_IT = (
    f"git clone https://github.com/sbuschjaeger/fastinference, then export {VARIABLE}=FOLDER; "
    "docs/fastinference.md says what its interpreter needs"
)

_OWN_INTERPRETERS = (".venv/bin/python", "venv/bin/python")
"""Below a checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How to start it."""

    python: Path
    """Interpreter that has what it imports."""
    checkout: Path | None = None
    """Folder that holds the package `fastinference`; None if the interpreter finds it by itself."""


def place_of(setting: str) -> Place:
    """Return what the value of VARIABLE names.

    A checkout without an interpreter is opened by the one of a virtual environment in it, else by this process's own.

    Raises:
        ToolMissingError: it is empty, or names what is not there.

    """
    if not setting.strip():
        raise _missing("it is not configured")
    python, checkout = None, None
    for text in filter(None, setting.split(os.pathsep)):
        path = Path(text).expanduser().absolute()
        if path.is_dir():
            checkout = path
        elif path.is_file() and os.access(path, os.X_OK):
            python = path
        else:
            raise _missing(f"{VARIABLE} names {path}, which is neither a folder nor an interpreter")
    if checkout and not (checkout / TOOL).is_dir():
        raise _missing(f"the folder {checkout} holds no package {TOOL}")
    return Place(python=python or _own_interpreter(checkout), checkout=checkout)


def _own_interpreter(checkout: Path | None) -> Path:
    found = (checkout / name for name in _OWN_INTERPRETERS) if checkout else iter(())
    return next((path for path in found if path.is_file()), Path(sys.executable))


def _missing(what: str) -> ToolMissingError:
    return ToolMissingError(tool="FastInference", detail=f"{what}; {HOW_TO_GET_IT}")
