"""XGBoost and LightGBM to ONNX by onnxmltools, CatBoost by its own export: one file with plain tensors as output.

What onnxmltools 1.16 converts to something else than the model is refused here by name: it was compared with the
libraries themselves, objective by objective.
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.shared.errors import ConversionError
from mltest.shared.native.lightgbm_file import LightGbmText, read_lightgbm
from mltest.shared.native.xgboost_file import read_xgboost

_OPSET = 15
"""onnxmltools takes one number; a graph imports the oldest versions that its operators need."""
_TOOLS = "onnxmltools"
_LINE_LENGTH = 200

_XGBOOST_OBJECTIVES = (
    *("binary:logistic", "multi:softprob", "multi:softmax", "reg:squarederror", "reg:absoluteerror"),
    *("reg:pseudohubererror", "count:poisson", "reg:gamma", "reg:tweedie"),
)
_LIGHTGBM_OBJECTIVES = (
    *("binary", "multiclass", "regression", "regression_l1", "huber", "fair", "quantile", "mape"),
    *("poisson", "gamma", "tweedie", "lambdarank"),
)


def boosted_graph(source: ExportSource, scratch: Path) -> bytes:
    """Return the model of `source`, a file of a library of boosted trees, as an ONNX file; `scratch` may be written.

    Raises:
        ConversionError: why this model cannot be turned into one.

    """
    converter, convert = _CONVERTERS[source.info.format]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert(source, scratch)
    except (ConversionError, MemoryError):
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:_LINE_LENGTH]
        raise ConversionError(converter=converter, detail=f"{type(error).__name__}: {line}") from error
    model.opset_import.sort(key=lambda opset: opset.domain)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _from_xgboost(source: ExportSource, scratch: Path) -> Any:
    import xgboost
    from onnxmltools import convert_xgboost

    learner = read_xgboost(source.path)
    booster, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    if booster != "gbtree":
        raise ConversionError(converter=_TOOLS, detail=f"it takes the booster gbtree of XGBoost, this is {booster}")
    _require(objective in _XGBOOST_OBJECTIVES, f"the objective {objective} of XGBoost", _XGBOOST_OBJECTIVES)
    _require(int(learner["learner_model_param"].get("num_target", 1)) == 1, "several values a row of XGBoost")
    model = xgboost.Booster()
    model.load_model(bytearray(source.path.read_bytes()))
    # It looks for features by the names that it would give itself.
    model.feature_names = None
    return convert_xgboost(model, name="mltest", initial_types=_inputs(source), target_opset=_OPSET)


def _from_lightgbm(source: ExportSource, scratch: Path) -> Any:
    import lightgbm
    from onnxmltools import convert_lightgbm

    text = read_lightgbm(source.path)
    what = f"the objective {text.header.get('objective') or 'none'} of LightGBM"
    is_root = text.objective == "regression" and "sqrt" in text.header["objective"].split()
    _require(text.objective in _LIGHTGBM_OBJECTIVES and not is_root, what, _LIGHTGBM_OBJECTIVES)
    _require(not text.has_linear_leaves, "linear leaves of LightGBM")
    _require(not text.has_zeros_missing, "zeros as missing values (zero_as_missing=True of LightGBM)")
    _require(not text.is_forest, "averaged trees (boosting: rf) of LightGBM")
    booster = lightgbm.Booster(model_file=source.path)
    inputs = _inputs(source)
    model = convert_lightgbm(booster, name="mltest", initial_types=inputs, target_opset=_OPSET, zipmap=False)
    _round_down(model, text)
    return model


def _from_catboost(source: ExportSource, scratch: Path) -> Any:
    import catboost
    import onnx

    loss = source.info.kind.removeprefix("CatBoost ")
    for name, why in _CATBOOST_LOSSES.items():
        if loss.startswith(name):
            raise ConversionError(converter="CatBoost", detail=f"its ONNX export of {name} {why}")
    model = catboost.CatBoost()
    model.load_model(str(source.path), format="cbm")
    model.save_model(str(scratch), format="onnx", export_parameters={"onnx_graph_name": "mltest"})
    return _without_map(onnx.load(scratch))


def _inputs(source: ExportSource) -> list[tuple[str, Any]]:
    from onnxmltools.convert.common.data_types import FloatTensorType

    return [("X", FloatTensorType([None, source.info.feature_count]))]


def _require(is_right: bool, what: str, right: tuple[str, ...] = ()) -> None:
    if not is_right:
        others = f"; right are {', '.join(right)}" if right else ""
        raise ConversionError(converter=_TOOLS, detail=f"it does not convert {what} faithfully{others}")


def _round_down(model: Any, text: LightGbmText) -> None:
    """Let no threshold be larger than the model's own, which are float64: x <= t has to stay so for every float32 x."""
    exact: dict[tuple[int, np.float32], float] = {}
    for tree in text.trees:
        if "threshold" in tree:
            features = tree["split_feature"].split()
            for feature, threshold in zip(features, map(float, tree["threshold"].split()), strict=True):
                key = (int(feature), np.float32(threshold))
                exact[key] = min(threshold, exact.get(key, threshold))
    for node in model.graph.node:
        found = {attribute.name: attribute for attribute in node.attribute}
        if "nodes_values" in found:
            values = found["nodes_values"].floats
            for index, feature in enumerate(found["nodes_featureids"].ints):
                near = np.float32(values[index])
                if exact.get((feature, near), near) < near:
                    values[index] = np.nextafter(near, np.float32(-np.inf))


def _without_map(model: Any) -> Any:
    """Return `model` with its probabilities as a plain tensor, and with the shapes that it really has."""
    import onnx

    graph = model.graph
    maps = [node for node in graph.node if node.op_type == "ZipMap"]
    for node in maps:
        graph.node.remove(node)
    outputs = [_plain(output, maps) for output in graph.output]
    del graph.output[:]
    graph.output.extend(outputs)
    onnx.checker.check_model(model)
    return model


def _plain(output: Any, maps: list[Any]) -> Any:
    from onnx import TensorProto, helper

    replaced = {node.output[0]: node.input[0] for node in maps}
    if output.name in replaced:
        return helper.make_tensor_value_info(replaced[output.name], TensorProto.FLOAT, [None, None])
    if output.type.tensor_type.elem_type == TensorProto.FLOAT:
        return helper.make_tensor_value_info(output.name, TensorProto.FLOAT, [None, None])
    return output


_CATBOOST_LOSSES: Mapping[str, str] = {
    "MultiClassOneVsAll": "gives probabilities that sum to 1, which the model does not",
    "Poisson": "leaves the exponent away",
    "Tweedie": "leaves the exponent away",
    "MultiRMSE": "has no output",
    "RMSEWithUncertainty": "has no output",
}
_CONVERTERS: Mapping[str, tuple[str, Callable[[ExportSource, Path], Any]]] = {
    "xgboost-json": (_TOOLS, _from_xgboost),
    "xgboost-ubj": (_TOOLS, _from_xgboost),
    "lightgbm": (_TOOLS, _from_lightgbm),
    "catboost": ("CatBoost", _from_catboost),
}
