"""PyTorch on the CPU: exported programs as submitted, and TorchScript that was made from other models."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelInvalidError
from mltest.shared.native.network_answers import module_predictions, network_answer
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form
    from mltest.shared.native.predictions import Predictions
    from mltest.shared.native.torch_module import Module


@runtime
class Torch:
    """Runs a program eagerly, operator by operator, or TorchScript with the executor that PyTorch has for it."""

    needs = RuntimeNeeds(
        name="torch",
        formats=("pt2", "torchscript"),
        packages=("torch", "numpy"),
        modules=("torch", "numpy"),
        extra="runtimes-torch",
        is_apart=True,
    )

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open a file with the candidate's number of threads."""
        from mltest.shared.native.torch_module import open_program, open_script, use_threads

        use_threads(candidate.threads)
        if candidate.format != "pt2":
            return OpenModule(open_script(artifact), (candidate.feature_count,), candidate)
        program = open_program(artifact)
        if program.facts.feature_count != candidate.feature_count:
            detail = f"it takes {program.facts.feature_count} features, not the model's {candidate.feature_count}"
            raise ModelInvalidError(detail=detail)
        return OpenModule(program.module, program.facts.row_shape, candidate)


class OpenModule:
    """A module that gives scores, or positions of classes."""

    def __init__(self, module: "Module", row_shape: tuple[int, ...], candidate: VisitCandidate) -> None:
        from mltest.shared.native.torch_module import array_call

        self._module = module
        self._row_shape = row_shape
        self._candidate = candidate
        self.predict = array_call(module, row_shape)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """Return rows in the program's type."""
        return prepared_rows(rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        """Return scores, or the names of classes."""
        import numpy as np

        found = np.asarray(output)
        if found.dtype.kind == "f":
            return network_answer(found, row_count, self._candidate)
        named: NDArray[np.generic] = np.array(self._candidate.classes)[found.reshape(row_count)]
        return named

    def parameter_bytes(self) -> int:
        """Return the bytes of all parameters and buffers."""
        module: Any = self._module
        return sum(one.numel() * one.element_size() for one in module.state_dict().values())

    def lean_calls(self, batches: "Sequence[NDArray[np.floating]]") -> "Sequence[Callable[[], object]]":
        """Return calls of the module with tensors that were made beforehand, and nothing around it.

        No weight asks for a gradient, so that none is prepared without `inference_mode` either.
        """
        import torch

        shape = (-1, *self._row_shape)
        return [partial(self._module, torch.from_numpy(batch).reshape(shape)) for batch in batches]

    def native_calls(self, batches: "Sequence[NDArray[np.floating]]", loop_library: "Callable[[], Path]") -> "Form":
        """Refuse."""
        raise CallAbsentError(detail="PyTorch has no C interface; that of its library is C++")

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        """Return labels and scores."""
        return module_predictions(self.predict(batch), len(batch), self._candidate)
