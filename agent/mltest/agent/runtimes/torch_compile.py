"""Programs of PyTorch, compiled by Inductor before the worker starts: what torch.compile does, ahead of time."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.agent.runtimes.torch import OpenModule
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import ModelInvalidError
from mltest.shared.native.compiled_program import ROW_SHAPE, TORCH_COMPILE

if TYPE_CHECKING:
    from mltest.shared.native.torch_module import Module


@runtime
class TorchCompile:
    """Runs the library that the agent compiled of a program, for the candidate's number of threads."""

    needs = RuntimeNeeds(
        name=TORCH_COMPILE,
        formats=("pt2",),
        packages=("torch", "numpy"),
        modules=("torch", "numpy"),
        extra="runtimes-torch",
        is_apart=True,
        needs_compiler=True,
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Load the library."""
        import torch

        from mltest.shared.native.torch_module import first_line, use_threads

        row_shape = _row_shape(candidate)
        use_threads(candidate.threads)
        try:
            runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(artifact), 1)
        except Exception as error:
            raise ModelInvalidError(detail=f"PyTorch cannot load what Inductor made: {first_line(error)}") from error
        return OpenModule(_only_output(runner), row_shape, candidate)


def _only_output(runner: Any) -> "Module":
    run = runner.run
    return lambda rows: run([rows])[0]


def _row_shape(candidate: VisitCandidate) -> tuple[int, ...]:
    """Return the shape of a row as the program takes it, which its library does not say."""
    try:
        shape = tuple(map(int, candidate.options[ROW_SHAPE].split("x")))
    except (KeyError, ValueError) as error:
        raise ModelInvalidError(detail=f"its option {ROW_SHAPE} is no shape") from error
    if min(shape) < 1 or math.prod(shape) != candidate.feature_count:
        text = candidate.options[ROW_SHAPE]
        raise ModelInvalidError(detail=f"it takes rows of {text}, not the model's {candidate.feature_count} features")
    return shape
