"""Modules of PyTorch that are ready to be called: programs as submitted, and TorchScript that was made from models."""

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError, PredictionError
from mltest.shared.native.pt2_archive import SAMPLE_INPUTS, ProgramParts, read_program
from mltest.shared.native.pt2_graph import ProgramFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUILDER_REMEDY = "pip install 'mltest-fleet[builder-torch]'"
"""Where models are opened and converted; agents have an extra, or an environment, of their own."""
_LINE_LENGTH = 300

Module = Callable[[Any], Any]
"""Takes a tensor of rows; gives a tensor of real numbers (rows, ...), or of integers (rows,): positions of classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedProgram:
    """An exported program."""

    program: Any
    """torch.export.ExportedProgram."""
    module: Module
    """As a user gets it: `program.module()`."""
    facts: ProgramFacts

    def scores(self, rows: "NDArray[np.floating]") -> "NDArray[np.float64]":
        """Return what the program gives for `rows` (rows, features), which are of its input type: (rows, outputs).

        Raises:
            PredictionError: it does not take them; PyTorch's own words are in the message.

        """
        import numpy as np

        try:
            output = array_call(self.module, self.facts.row_shape)(rows)
        except MemoryError:
            raise
        except Exception as error:
            raise PredictionError(detail=f"{type(error).__name__}: {first_line(error)}") from error
        scores: NDArray[np.float64] = np.array(output, dtype=np.float64).reshape(len(rows), -1)
        return scores


def open_program(path: Path) -> OpenedProgram:
    """Open the exported program in `path`: what was understood of it (`pt2_archive`), and nothing else.

    Raises:
        ModelInvalidError, ModelRefusedError: it is damaged, or holds what could be run as code.
        ModelUnsupportedError: it is none that is used here, or PyTorch is not installed, or of another version.

    """
    parts = read_program(path)
    if find_spec("torch") is None:
        detail = f"it is a PyTorch program, and PyTorch is not installed where models are opened; {BUILDER_REMEDY}"
        raise ModelUnsupportedError(detail=detail, next_step=BUILDER_REMEDY)
    try:
        with quiet():
            program = _loaded(parts)
            module = program.module()
    except MemoryError:
        raise
    except Exception as error:
        import torch

        detail = f"PyTorch {torch.__version__} does not open this {parts.facts.kind} ({first_line(error)})"
        raise ModelInvalidError(detail=detail) from error
    _check_operators(program)
    return OpenedProgram(program=program, module=module, facts=parts.facts)


def open_script(path: Path) -> Module:
    """Open the TorchScript file in `path`, which was made by an exporter here.

    Raises:
        ModelInvalidError: it is damaged.

    """
    import torch

    try:
        with quiet():
            module: Module = torch.jit.load(str(path), map_location="cpu").eval()
    except MemoryError:
        raise
    except Exception as error:
        raise ModelInvalidError(detail=f"PyTorch cannot open it: {first_line(error)}") from error
    return module


def array_call(module: Module, row_shape: tuple[int, ...]) -> "Callable[[NDArray[np.floating]], Any]":
    """Return the call of a user who has rows (rows, features) as an array, and wants an array back."""
    import torch

    from_numpy, inference_mode, shape = torch.from_numpy, torch.inference_mode, (-1, *row_shape)

    def call(batch: "NDArray[np.floating]") -> Any:
        with inference_mode():
            return module(from_numpy(batch).reshape(shape)).numpy()

    return call


def use_threads(threads: int) -> None:
    """Let PyTorch compute with `threads` threads in this process, one operator after the other."""
    import torch

    if torch.get_num_interop_threads() != 1:
        # It can be set once in a process, before anything is computed.
        torch.set_num_interop_threads(1)
    torch.set_num_threads(threads)
    if torch.get_num_threads() != threads:
        raise ModelUnsupportedError(detail=f"PyTorch uses {torch.get_num_threads()} threads in place of {threads}")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what is meant for PyTorch's developers, warnings and lines of a log, out of everything."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def first_line(error: Exception) -> str:
    """Return what a message of PyTorch begins with."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_LINE_LENGTH]


def _loaded(parts: ProgramParts) -> Any:
    import torch
    from torch.export.pt2_archive import PT2ArchiveWriter

    archive, inputs = io.BytesIO(), io.BytesIO()
    rows = torch.zeros((2, *parts.facts.row_shape), dtype=getattr(torch, parts.facts.input_dtype))
    torch.save(((rows,), {}), inputs)
    with PT2ArchiveWriter(archive) as writer:
        for name, content in {**parts.members, SAMPLE_INPUTS: inputs.getvalue()}.items():
            writer.write_bytes(name, content)
    archive.seek(0)
    return torch.export.load(archive)


def _check_operators(program: Any) -> None:
    """Refuse what looked like an operator and is something else of PyTorch."""
    import torch

    for node in program.graph.nodes:
        is_aten = str(node.target).startswith("aten.")
        if node.op == "call_function" and is_aten and not isinstance(node.target, torch._ops.OpOverload):
            raise ModelInvalidError(detail=f"its graph calls {node.target}, which is no operator")
