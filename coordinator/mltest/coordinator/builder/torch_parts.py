"""What exporters that need PyTorch and its converters have in common."""

import io
import re
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mltest.shared.errors import ConversionError
from mltest.shared.native.torch_module import BUILDER_REMEDY, first_line, quiet

_TITLES = {"torch": "PyTorch", "onnxscript": "onnxscript", "hummingbird": "Hummingbird"}
_TRIED_ROWS = (1, 3)
_NUMBERED, _NUMBERED_PATH = re.compile(rb"\.___torch_mangle_\d+"), re.compile(r"/___torch_mangle_\d+(?=\.py$)")
"""With what TorchScript tells classes of the same name in one process apart."""


def require(*modules: str, converter: str) -> None:
    """Return if every one of `modules` is installed here.

    Raises:
        ConversionError: one is not; the command that installs it is the next step.

    """
    for module in modules:
        if find_spec(module) is None:
            detail = f"{_TITLES[module]} is not installed where models are converted; {BUILDER_REMEDY}"
            raise ConversionError(converter=converter, detail=detail, next_step=BUILDER_REMEDY)


def write_script(module: Any, feature_count: int, dtype: Any, target: Path, *, converter: str) -> None:
    """Write what `module` does with a tensor (rows, features) as TorchScript, with its weights as constants.

    Raises:
        ConversionError: it cannot be traced, or what was traced takes as many rows as it was traced with only.

    """
    import torch

    try:
        with quiet(), torch.no_grad():
            rows = torch.zeros((2, feature_count), dtype=dtype)
            script = torch.jit.freeze(torch.jit.trace(module.eval(), rows, check_trace=False).eval())
            widths = {script(torch.zeros((count, feature_count), dtype=dtype)).numel() / count for count in _TRIED_ROWS}
            content = io.BytesIO()
            torch.jit.save(script, content)
    except MemoryError:
        raise
    except Exception as error:
        detail = f"its calculations cannot be traced for any number of rows: {first_line(error)}"
        raise ConversionError(converter=converter, detail=detail) from error
    if len(widths) > 1:
        detail = "its calculations were traced for one number of rows, and give other shapes with others"
        raise ConversionError(converter=converter, detail=detail)
    target.write_bytes(_steady(content.getvalue()))


def _steady(archive: bytes) -> bytes:
    """Return TorchScript without what differs whenever it is made: numbers in names of classes, places in sources.

    There is one class in it, since a frozen module has no others inside.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as given, zipfile.ZipFile(content, "w") as made:
        for name in sorted(given.namelist()):
            if name.endswith((".debug_pkl", "serialization_id")):
                continue
            data = given.read(name)
            if name.endswith((".py", "data.pkl")):
                data = _NUMBERED.sub(b"", data)
            # Without a date, ZipInfo has that of 1980.
            made.writestr(zipfile.ZipInfo(_NUMBERED_PATH.sub("", name)), data)
    return content.getvalue()
