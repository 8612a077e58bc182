"""Files of XGBoost, LightGBM and CatBoost that end after fewer rounds of boosting, written by their libraries."""

from pathlib import Path

from mltest.coordinator.builder.surgery.amount import amount_of
from mltest.shared.errors import ConversionError

NAME = "first-stages"
_XGBOOST = {"xgboost-json": "json", "xgboost-ubj": "ubj"}


def first_rounds(path: Path, file_format: str, keep: str, target: Path) -> None:
    """Write the first `keep` rounds ("50", "1/2") of the model in `path` to `target`, in the same format.

    A round has a tree for each class, or as many as are grown together.

    Raises:
        ConversionError: it has no more rounds than that, or its library is not installed here.

    """
    try:
        if file_format == "catboost":
            content = _catboost(path, keep, target)
        else:
            content = _xgboost(path, _XGBOOST[file_format], keep) if file_format in _XGBOOST else _lightgbm(path, keep)
    except ImportError as error:
        raise ConversionError(converter=NAME, detail=f"its library is not installed here ({error})") from error
    target.write_bytes(content)


def _xgboost(path: Path, kind: str, keep: str) -> bytes:
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(path.read_bytes()))
    first = booster[: _count(keep, booster.num_boosted_rounds())]
    return bytes(first.save_raw(kind))


def _lightgbm(path: Path, keep: str) -> bytes:
    import lightgbm

    booster = lightgbm.Booster(model_file=path)
    text: str = booster.model_to_string(num_iteration=_count(keep, booster.current_iteration()), start_iteration=0)
    return text.encode()


def _catboost(path: Path, keep: str, target: Path) -> bytes:
    import catboost

    model = catboost.CatBoost()
    model.load_model(str(path), format="cbm")
    model.shrink(ntree_end=_count(keep, model.tree_count_))
    # It writes files only.
    model.save_model(str(target), format="cbm")
    return target.read_bytes()


def _count(keep: str, total: int) -> int:
    count = amount_of(keep, total)
    if count >= total:
        raise ConversionError(converter=NAME, detail=f"the model has {total} rounds, and {count} are to be kept")
    return count
