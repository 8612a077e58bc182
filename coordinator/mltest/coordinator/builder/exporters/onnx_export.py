"""scikit-learn to ONNX by skl2onnx, boosted trees by `onnx_boosters`: float32 input, plain tensors as output."""

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.quantisation.precision import precision_variants, write_graph
from mltest.shared.domain import Task
from mltest.shared.errors import ConversionError, MltestError

if TYPE_CHECKING:
    from mltest.shared.native.outputs import NativeModel

_OPSETS = {"": 18, "ai.onnx.ml": 3}
"""Every ONNX Runtime since 1.14 runs these, also those of older Python versions on boards."""

_ESTIMATORS = ("skops", "pickle")
"""Formats of scikit-learn."""
_MISSING = re.compile(r"Unable to find a (?:shape calculator|converter) for .*<class '([\w.]+)'>")
_LINE_LENGTH = 200
"""Of a message; some hold every weight of the model."""


@exporter
class OnnxExport:
    """Made with fixed names and operator sets, so that the same model gives the same bytes."""

    needs = ExporterNeeds(
        name="onnx_export",
        runtimes=("onnxruntime",),
        formats=dict.fromkeys((*_ESTIMATORS, "xgboost-json", "xgboost-ubj", "lightgbm", "catboost"), "onnx"),
        takes="models of scikit-learn, XGBoost, LightGBM and CatBoost, and ready ONNX files",
        variants=precision_variants("mlp"),
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert, and open the result once to see that it runs."""
        from mltest.coordinator.builder.onnx_boosters import boosted_graph
        from mltest.shared.native.onnx_session import open_session

        is_estimator = source.native is not None
        graph = onnx_bytes(source.native) if source.native else boosted_graph(source, target)
        write_graph(graph, source, target)
        try:
            open_session(target, threads=1)
        except MltestError as error:
            converter = "skl2onnx" if is_estimator else source.info.kind
            raise ConversionError(converter=converter, detail=error.message) from error
        return Exported(input_dtype="float32")


def onnx_bytes(native: "NativeModel") -> bytes:
    """Return an estimator as an ONNX file; `ConversionError` says why it has none."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    try:
        with warnings.catch_warnings():
            # It passes booleans as integers, which protobuf before 7 takes with a warning.
            warnings.simplefilter("ignore")
            model = convert_sklearn(
                native.estimator,
                name="mltest",
                initial_types=[("X", FloatTensorType([None, native.feature_count]))],
                options=_options(native),
                target_opset=_OPSETS,
            )
    except MemoryError:
        raise
    except Exception as error:
        raise ConversionError(converter="skl2onnx", detail=_explained(error)) from error
    # skl2onnx lists the operator sets in the order of their hashes, which differs between processes.
    model.opset_import.sort(key=lambda opset: opset.domain)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _explained(error: Exception) -> str:
    """Return what skl2onnx said, without what only its authors can use."""
    line = (str(error).strip().splitlines() or [""])[0]
    if missing := _MISSING.search(line):
        return f"it has no converter for {missing[1].rpartition('.')[2]} ({missing[1].partition('.')[0]})"
    plain = line.partition(" You may raise")[0][:_LINE_LENGTH]
    return plain if isinstance(error, RuntimeError) else f"{type(error).__name__}: {plain}"


def _options(native: "NativeModel") -> dict[int, dict[str, Any]] | None:
    """Leave the map from class to score away, which is made in Python for each row.

    An empty entry is needed for LinearSVC: without one a pipeline sets an option that its converter does not know.
    """
    from sklearn.svm import LinearSVC

    from mltest.shared.native.outputs import final_estimator

    if native.task is not Task.CLASSIFICATION:
        return None
    final = final_estimator(native.estimator)
    return {id(final): {} if isinstance(final, LinearSVC) else {"zipmap": False}}
