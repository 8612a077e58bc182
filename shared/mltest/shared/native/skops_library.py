"""Imports skops without every estimator of scikit-learn, where skops is one that we know.

skops 0.16 asks scikit-learn for all of its estimators when it is imported, to know their names. That imports the whole
of scikit-learn, helpers of its tests included, and PyTorch and pytest where they are installed, and takes far longer
than opening a model. Here skops is told of those estimators alone that a file names, by the same rule.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from inspect import isabstract
from types import ModuleType
from typing import Any

_KNOWN = "0.16."
"""What is done here to skops was looked up in these versions of it."""
_IGNORED = {"tests", "externals", "setup", "conftest", "experimental", "estimator_checks"}
"""`sklearn.utils.discovery._MODULE_TO_IGNORE` of scikit-learn 1.9."""


def skops_library() -> ModuleType:
    """Return the module `skops.io`."""
    if "skops.io" in sys.modules or not version("skops").startswith(_KNOWN):
        return importlib.import_module("skops.io")
    with _no_estimators():
        return importlib.import_module("skops.io")


def trust_estimators_in(schema: object) -> None:
    """Let skops trust the estimators of scikit-learn that the schema of a skops file names, as it does by itself."""
    if not version("skops").startswith(_KNOWN):
        return
    trusted: list[str] = importlib.import_module("skops.io._trusted_types").SKLEARN_ESTIMATOR_TYPE_NAMES
    named = _names_in(schema) - set(trusted)
    trusted.extend(sorted(name for name in named if is_estimator(name)))


def is_estimator(name: str) -> bool:
    """Tell whether scikit-learn lists the class `name` as an estimator.

    That is a class which is not abstract, inherits from `BaseEstimator`, and stands in a public module. No module but
    those of scikit-learn is imported to find out.
    """
    from sklearn.base import BaseEstimator

    module_name, _, class_name = name.rpartition(".")
    parts = module_name.split(".")
    if parts[0] != "sklearn" or class_name.startswith("_") or _IGNORED & set(parts) or not all(parts):
        return False
    found = (getattr(module, class_name, None) for module in _public_modules(parts))
    return any(
        isinstance(one, type)
        and issubclass(one, BaseEstimator)
        and one is not BaseEstimator
        and not isabstract(one)
        and f"{one.__module__}.{one.__name__}" == name
        for one in found
    )


def _public_modules(parts: list[str]) -> Iterator[ModuleType]:
    """Give the module of that name, or else what is above it, as far as they are public."""
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        if parts[count - 1].startswith("_") or importlib.util.find_spec(name) is None:
            return
        yield importlib.import_module(name)


@contextmanager
def _no_estimators() -> Iterator[None]:
    import sklearn.utils

    asked = sklearn.utils.all_estimators
    sklearn.utils.all_estimators = list
    try:
        yield
    finally:
        sklearn.utils.all_estimators = asked


def _names_in(schema: object) -> set[str]:
    pending: list[Any] = [schema]
    names = set()
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            names.add(f"{node.get('__module__')}.{node.get('__class__')}")
        pending.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
    return names
