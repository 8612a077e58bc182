"""The runtimes that this software knows of; describing them imports no ML library."""

import importlib
from collections.abc import Mapping

from mltest.agent.runtimes.role import Runtime
from mltest.shared.errors import RuntimeMissingError
from mltest.shared.plugins import Registry

_REGISTRY: Registry[Runtime] = Registry(
    group="mltest.runtimes", package="mltest.agent.runtimes", name_of=lambda adapter: adapter.needs.name
)

_UNLISTED = {"selftest": "mltest.agent.selftest.slowed_runtime"}
"""Modules whose RUNTIME is offered to nobody: only the agent's own selftests name it."""


def runtime(adapter: type[Runtime]) -> type[Runtime]:
    """Register a runtime: a decorator for its class, which is made without arguments."""
    _REGISTRY.add(adapter())
    return adapter


def runtimes() -> Mapping[str, Runtime]:
    """Return every runtime by name, those of this project first."""
    return _REGISTRY.all()


def runtime_named(name: str) -> Runtime:
    """Return one runtime.

    Raises:
        RuntimeMissingError: this software does not know it.

    """
    if name in _UNLISTED:
        unlisted: Runtime = importlib.import_module(_UNLISTED[name]).RUNTIME
        return unlisted
    known = runtimes()
    if name not in known:
        raise RuntimeMissingError(runtime=name, detail=f"this software knows {', '.join(known)}")
    return known[name]
