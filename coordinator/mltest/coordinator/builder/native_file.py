"""Writes a model in its own format: the submitted bytes, or the transformed model, saved again."""

import shutil
from pathlib import Path

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.skops_bytes import steady_skops
from mltest.shared.errors import ConversionError
from mltest.shared.native.skops_library import skops_library


def write_native(source: ExportSource, target: Path) -> None:
    """Write the model of `source` to `target`, byte for byte where no transform has changed it.

    Raises:
        ConversionError: nothing here writes models of that format.

    """
    if not source.is_transformed:
        shutil.copyfile(source.path, target)
        return
    assert source.native is not None
    match source.info.format:
        case "skops":
            target.write_bytes(steady_skops(skops_library().dumps(source.native.estimator)))
        case "pickle":
            import joblib

            joblib.dump(source.native.estimator, target)
        case other:
            raise ConversionError(converter="transforms", detail=f"nothing here writes {other} files")
