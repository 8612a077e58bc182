"""Makes the forms of a call that a visit asks for; imported in workers only."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mltest.agent.runtimes.role import LeanModel, OpenModel
from mltest.agent.worker.bound_form import BoundForm
from mltest.agent.worker.form import CONVERSION, LEAN_CALL, NATIVE_CALL, PYTHON_CALL, Form
from mltest.agent.worker.rows import batches_of
from mltest.shared.errors import CallAbsentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.floating]

LoopLibrary = Callable[[], Path]
"""Returns where the compiled loop is; MltestError if there is none."""


def compiled_here() -> Path:
    """Compile the loop into the working folder."""
    from mltest.agent.native.compile import compiled_loop

    return compiled_loop(Path.cwd())


def form_of(
    metric: str,
    batch_size: int,
    model: OpenModel,
    prepared: "Rows",
    original: "Rows",
    loop_library: LoopLibrary = compiled_here,
) -> Form:
    """Return one form of a call with one batch size.

    Args:
        metric: key of the form.
        batch_size: rows per call.
        model: what is called.
        prepared: (rows, features) as `model.prepare` returned them.
        original: the same rows in the type and layout of the dataset.
        loop_library: for a native call.

    Raises:
        MltestError: this model has no such form; the message says why.

    """
    if metric == NATIVE_CALL:
        return _native_form(model, prepared, batch_size, loop_library)
    return _FORMS[metric](model, prepared, original, batch_size)


def _python_form(model: OpenModel, prepared: "Rows", original: "Rows", batch_size: int) -> Form:
    calls = [partial(model.predict, batch) for batch in batches_of(prepared, batch_size)]
    return BoundForm(calls, batch_size, model.answer)


def _lean_form(model: OpenModel, prepared: "Rows", original: "Rows", batch_size: int) -> Form:
    if not isinstance(model, LeanModel):
        raise CallAbsentError(detail=f"the runtime has no leaner call than the usual one, whose time is {PYTHON_CALL}")
    return _tried(BoundForm(model.lean_calls(batches_of(prepared, batch_size)), batch_size, model.answer))


def _native_form(model: OpenModel, prepared: "Rows", batch_size: int, loop_library: LoopLibrary) -> Form:
    # Where no native call is asked for, nothing of it is imported: it takes memory.
    from mltest.agent.native.native_form import native_form

    return _tried(native_form(model, batches_of(prepared, batch_size), loop_library))


def _conversion_form(model: OpenModel, prepared: "Rows", original: "Rows", batch_size: int) -> Form:
    calls = [partial(model.prepare, batch) for batch in batches_of(original, batch_size)]
    return BoundForm(calls, batch_size, lambda output, _: np.array(output))


def _tried(form: Form) -> Form:
    """Return `form` if it answers at all."""
    next(iter(form.answers()))
    return form


_FORMS: dict[str, Callable[[OpenModel, "Rows", "Rows", int], Form]] = {
    PYTHON_CALL: _python_form,
    LEAN_CALL: _lean_form,
    CONVERSION: _conversion_form,
}
