"""The ways in which FastInference is used: two implementations, and its optimisations. Pure."""

from mltest.coordinator.builder.variant import Variant

NATIVE, IF_ELSE = {"implementation": "native", "optimise": "O2"}, {"implementation": "if-else", "optimise": "O1"}
"""Nested ifs run no faster with more optimisation, and compile two to three times as long."""
OPTIMIZER = "optimizer"
"""Option: a module of the tool that changes the model first."""

_CLASSIFIERS = ("forest", "tree")
_KERNEL_BYTES = "128"


def _kernel(kind: str) -> Variant:
    options = {**IF_ELSE, "kernel": kind, "kernel_bytes": _KERNEL_BYTES}
    return Variant(name=f"if-else {kind} kernel", options=options, uses_rows=True, is_on_request=True)


def _lossy(optimizer: str, name: str = "", **options: str) -> Variant:
    """Return a variant that means to change predictions; without options it learns from rows."""
    return Variant(
        name=f"native {name or optimizer}",
        options={**NATIVE, OPTIMIZER: optimizer, **options},
        is_lossy=True,
        uses_rows=not options,
        families=() if options else _CLASSIFIERS,
        is_on_request=True,
        tool_part=f"optimizers.ensemble.{optimizer}",
    )


VARIANTS = (
    Variant(name="native", options=NATIVE, uses_rows=True),
    Variant(name="native reorder", options={**NATIVE, "reorder": "8"}, uses_rows=True),
    Variant(name="if-else", options=IF_ELSE, uses_rows=True),
    Variant(
        name="if-else swap",
        options={**IF_ELSE, OPTIMIZER: "swap"},
        uses_rows=True,
        is_on_request=True,
        tool_part="optimizers.tree.swap",
    ),
    _kernel("path"),
    _kernel("node"),
    _lossy("quantize", "quantize leafs", leafs="1000"),
    _lossy("quantize", "quantize splits", splits="rounding"),
    _lossy("leaf-refinement"),
    _lossy("weight-refinement"),
    _lossy("pruning"),
    _lossy("proxpruning"),
)
