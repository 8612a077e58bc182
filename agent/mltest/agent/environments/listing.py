"""Runtimes with where they come from, for people. Pure, but for asking where an environment is."""

from collections.abc import Sequence

from mltest.agent.environments.environments import Environments
from mltest.shared.domain import RuntimeInfo

_OWN = "the agent's environment"


def listed(runtimes: Sequence[RuntimeInfo], environments: Environments) -> str:
    """Return one line for each runtime: its name, its version, where it comes from, or why it cannot be used."""
    ordered = sorted(runtimes, key=lambda one: one.name)
    rows = [(one.name, one.version or "-", _where(one, environments)) for one in ordered]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {version:<{widths[1]}}  {text}" for name, version, text in rows)


def _where(runtime: RuntimeInfo, environments: Environments) -> str:
    folder = environments.folder_of(runtime.name)
    place = _OWN if folder is None else str(folder)
    if runtime.is_available:
        return place
    return f"not usable: {runtime.reason}" + (f" (it has {place})" if folder is not None else "")
