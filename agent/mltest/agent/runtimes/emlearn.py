"""Sources that emlearn generated in the builder, with what they need of its headers."""

from mltest.agent.runtimes.c import CompiledSource, source_needs
from mltest.agent.runtimes.registry import runtime


@runtime
class Emlearn(CompiledSource):
    """Runs them as every source behind the C interface."""

    needs = source_needs("emlearn")
