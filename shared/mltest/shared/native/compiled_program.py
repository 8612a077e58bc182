"""What exporter and agent call a program of PyTorch that Inductor compiles on the agent. Pure."""

from collections.abc import Sequence

TORCH_COMPILE = "torch-compile"
"""The runtime."""
ROW_SHAPE = "row_shape"
"""Option of such a candidate: the shape of a row as the program takes it, "1x8x8"."""


def row_shape_text(shape: Sequence[int]) -> str:
    """Return the shape of a row as the option has it."""
    return "x".join(map(str, shape))
