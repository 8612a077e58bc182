"""XGBoost and LightGBM files as models of treelite."""

from typing import Any

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.shared.domain import Output
from mltest.shared.errors import ConversionError
from mltest.shared.native.lightgbm_file import read_lightgbm

_FORMATS = {"xgboost-json": "json", "xgboost-ubj": "ubjson"}


def boosted_model(source: ExportSource) -> Any:
    """Return the model of `source` as treelite reads it.

    Raises:
        ConversionError: treelite answers with something else than the model's own call.

    """
    import treelite

    if source.info.output is Output.LABELS:
        detail = f"it gives probabilities, and {source.info.kind} gives labels; multi:softprob gives the same trees"
        raise ConversionError(converter="treelite", detail=detail)
    if source.info.format in _FORMATS:
        choice = _FORMATS[source.info.format]
        return treelite.frontend.load_xgboost_model(source.path, format_choice=choice, allow_unknown_field=True)
    if source.info.format != "lightgbm":
        detail = f"trees are read of scikit-learn, XGBoost and LightGBM, this is a {source.info.format} file"
        raise ConversionError(converter="treelite", detail=detail)
    text = read_lightgbm(source.path)
    if text.has_linear_leaves:
        raise ConversionError(converter="treelite", detail="it has no linear leaves (linear_tree=True of LightGBM)")
    if text.has_zeros_missing:
        detail = "it takes no zeros for missing values (zero_as_missing=True of LightGBM)"
        raise ConversionError(converter="treelite", detail=detail)
    return treelite.frontend.load_lightgbm_model(source.path)
