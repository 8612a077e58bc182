"""Sources that tl2cgen generated in the builder; its own library and its Predictor are not used."""

from mltest.agent.runtimes.c import CompiledSource, source_needs
from mltest.agent.runtimes.registry import runtime


@runtime
class Tl2cgen(CompiledSource):
    """Runs them as every source behind the C interface."""

    needs = source_needs("tl2cgen")
