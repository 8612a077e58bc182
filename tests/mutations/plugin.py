"""`--mutate NAME`: every test of the run meets the product with that safeguard taken out."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.mutations.hook import install
from tests.mutations.mutants import MUTANTS

_VARIABLE = "MLTEST_MUTATE"
_ROOT = Path(__file__).resolve().parents[2]


def add_options(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.addoption("--mutate", choices=("", *MUTANTS), default="", help="take one safeguard out of the product")


def break_on_purpose(name: str) -> None:
    """Apply the mutant in this process, and in every Python program that it starts from now on."""
    if name:
        install(name)
        os.environ.update(environment(name))


def environment(name: str) -> Mapping[str, str]:
    """Return the variables with which a Python program starts with the mutant, besides those of this run."""
    names = dict.fromkeys([*filter(None, os.environ.get(_VARIABLE, "").split(",")), name])
    paths = [str(_ROOT), str(_ROOT / "tests" / "mutations" / "site"), os.environ.get("PYTHONPATH", "")]
    return {_VARIABLE: ",".join(names), "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def prefix(name: str) -> list[str]:
    """Return the beginning of a command line that runs the rest with the mutant."""
    return ["env", *(f"{variable}={value}" for variable, value in environment(name).items())]
