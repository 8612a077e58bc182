"""Opens model and data, checks that they fit, and writes dataset and reference; runs in the builder's child."""

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.builder import DATASET_NAME, REFERENCE_NAME, Inspection
from mltest.coordinator.builder.dataset import RawData
from mltest.coordinator.builder.exporters.registry import exporter_needs
from mltest.coordinator.builder.opened_model import OpenedModel
from mltest.coordinator.builder.ranking_data import Ranking
from mltest.coordinator.builder.row_sample import sampled_rows
from mltest.coordinator.builder.tokens import check_size
from mltest.coordinator.builder.transforms.registry import transform_needs
from mltest.coordinator.builder.yardstick import write_reference
from mltest.shared.domain import DatasetInfo, ModelInfo, Output, Task
from mltest.shared.errors import DataInvalidError, DataMismatchError, ModelUnsupportedError, PredictionError
from mltest.shared.native.class_labels import UNKNOWN, class_indices
from mltest.shared.native.onnx_graph import LANGUAGE_MODEL
from mltest.shared.native.predictions import Predictions
from mltest.shared.protocol import DISTRIBUTION

_PACKAGES = (
    *(DISTRIBUTION, "numpy", "scikit-learn", "skops", "skl2onnx", "onnx", "onnxruntime", "treelite"),
    *("onnxmltools", "xgboost-cpu", "xgboost", "lightgbm", "catboost"),
)
"""Beside those that exporters and transforms name."""
_NAMED = 5
"""How many rows, columns or labels a message names at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dataset:
    rows: NDArray[np.floating]
    truth: NDArray[np.generic] | None
    columns: tuple[str, ...]
    groups: NDArray[np.str_] | None
    ranking: Ranking | None = None
    row_shape: tuple[int, ...] = ()


def inspection_of(model: OpenedModel, data: RawData, *, row_cap: int, seed: int, folder: Path) -> Inspection:
    """Check that `model` and `data` fit, and write what the job goes on with below `folder`.

    Raises:
        DataMismatchError: they do not fit; the message names rows, columns, counts or labels.
        DataInvalidError: the true values are not usable.
        ModelUnsupportedError: the model does not predict these rows.

    """
    ordered, order_notes = in_model_order(data, model)
    truth = known_truth(ordered.truth, model.info)
    full = _Dataset(
        rows=ordered.rows,
        truth=truth,
        columns=ordered.columns,
        groups=ordered.groups,
        ranking=ordered.ranking,
        row_shape=ordered.row_shape,
    )
    used = _sample(full, model.info, row_cap, seed)
    if model.info.family == LANGUAGE_MODEL:
        check_size(used.rows, _reference(model, replace(used, rows=used.rows[:1])))
    reference = _reference(model, used)
    info, output_notes = _with_honest_output(model.info, reference)
    dataset_path, reference_path = folder / DATASET_NAME, folder / REFERENCE_NAME
    _save(dataset_path, used)
    write_reference(
        reference_path,
        reference,
        columns=used.columns,
        groups=used.groups,
        ranking=used.ranking,
        row_shape=used.row_shape,
    )
    dataset = _dataset_info(used, info, source_row_count=len(full.rows), seed=seed, path=dataset_path)
    return Inspection(
        model=info,
        dataset=dataset,
        dataset_path=dataset_path,
        reference_path=reference_path,
        versions=_versions(),
        notes=(*model.notes, *order_notes, *_dataset_notes(dataset), *output_notes),
    )


def in_model_order(data: RawData, model: OpenedModel) -> tuple[RawData, tuple[str, ...]]:
    """Return `data` with its columns as the model was fitted with, by name where both have names.

    A column of groups that the model has no place for is left out.

    Raises:
        DataMismatchError: they do not fit.

    """
    wanted = model.feature_names
    if data.group_column and not wanted and len(data.columns) == model.info.feature_count + 1:
        data = _without_column(data, data.group_column)
    notes: tuple[str, ...] = ()
    if wanted and data.columns and set(wanted) <= set(data.columns):
        extra = [column for column in data.columns if column not in wanted and column != data.group_column]
        positions = [data.columns.index(name) for name in wanted]
        rows = np.ascontiguousarray(data.rows[:, positions])
        data = replace(data, rows=rows, columns=wanted)
        return data, (f"columns that the model does not know are left out: {_some(extra)}",) if extra else ()
    if data.rows.shape[1] != model.info.feature_count:
        raise DataMismatchError(
            detail=f"the model takes {model.info.feature_count} features, the data have {data.rows.shape[1]}"
            f"{_missing_columns(wanted, data.columns)}"
        )
    if wanted and data.columns:
        notes = ("column names differ from those that the model was fitted with: columns are taken in file order",)
    return data, notes


def _without_column(data: RawData, name: str) -> RawData:
    position = data.columns.index(name)
    columns = (*data.columns[:position], *data.columns[position + 1 :])
    return replace(data, rows=np.delete(data.rows, position, axis=1), columns=columns, group_column="")


def _missing_columns(wanted: Sequence[str], columns: Sequence[str]) -> str:
    if not columns:
        return ""
    missing = [name for name in wanted if name not in columns]
    return f" (missing: {_some(missing)})" if missing else "; --target names the column with the true values"


def known_truth(truth: NDArray[np.generic] | None, info: ModelInfo) -> NDArray[np.generic] | None:
    """Return true values as the model knows them: int64 positions of its classes, or float64 values.

    A clustering knows none: its true values are numbered from 0 in their own order.

    Raises:
        DataMismatchError, DataInvalidError: what is wrong with them.

    """
    if truth is None:
        return None
    if info.task is Task.CLASSIFICATION:
        return _class_truth(truth, info)
    if info.task is Task.CLUSTERING:
        return _numbered(truth, info)
    if truth.dtype.kind not in "fiub":
        raise DataMismatchError(detail=f"{info.kind} gives numbers, but y is text")
    values = truth.astype(np.float64)
    unusable = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if len(unusable):
        raise DataInvalidError(detail=f"y is NaN or infinite in rows {_some(unusable.tolist())}")
    return values


def _class_truth(truth: NDArray[np.generic], info: ModelInfo) -> NDArray[np.int64]:
    if truth.ndim != 1:
        raise DataMismatchError(detail=f"y has shape {truth.shape}, but {info.kind} gives one label for each row")
    indices = class_indices(truth, info.classes)
    if bool(np.any(indices == UNKNOWN)):
        unknown = np.unique(truth[indices == UNKNOWN]).tolist()
        raise DataMismatchError(
            detail=f"y has labels that the model does not know: {_some(unknown)}; it knows {_some(info.classes)}"
        )
    return indices


def _numbered(truth: NDArray[np.generic], info: ModelInfo) -> NDArray[np.int64]:
    if truth.ndim != 1:
        raise DataMismatchError(detail=f"y has shape {truth.shape}, but {info.kind} gives one label for each row")
    _, numbers = np.unique(truth, return_inverse=True)
    return np.asarray(numbers, dtype=np.int64)


def _sample(full: _Dataset, info: ModelInfo, row_cap: int, seed: int) -> _Dataset:
    classes = full.truth.astype(np.int64) if full.truth is not None and info.task is Task.CLASSIFICATION else None
    picked = sampled_rows(len(full.rows), row_cap, seed, classes)
    truth = None if full.truth is None else full.truth[picked]
    return _Dataset(
        rows=np.ascontiguousarray(full.rows[picked]),
        truth=truth,
        columns=full.columns,
        groups=None if full.groups is None else full.groups[picked],
        # A part of a query's rows cannot be ranked as the whole would be.
        ranking=full.ranking if len(picked) == len(full.rows) else None,
        row_shape=full.row_shape,
    )


def _reference(model: OpenedModel, data: _Dataset) -> Predictions:
    try:
        predictions = model.predict(data.rows)
    except PredictionError as error:
        _blame_gaps(model.info, data)
        raise ModelUnsupportedError(detail=f"{model.info.kind} does not predict these rows: {error.message}") from error
    if predictions.scores is not None and not np.isfinite(predictions.scores).all():
        _blame_gaps(model.info, data)
        raise ModelUnsupportedError(detail=f"{model.info.kind} gives NaN or infinity for these rows")
    return predictions


def _blame_gaps(info: ModelInfo, data: _Dataset) -> None:
    """Say which values are missing, if any are: then they are why the model does not predict."""
    rows, columns = np.nonzero(~np.isfinite(data.rows))
    if len(rows):
        names = [data.columns[column] if data.columns else int(column) for column in np.unique(columns)]
        raise DataMismatchError(
            detail=f"X has NaN or infinity in {len(np.unique(rows))} rows (rows {_some(np.unique(rows).tolist())}; "
            f"columns {_some(names)}), and {info.kind} takes none"
        )


def _with_honest_output(info: ModelInfo, reference: Predictions) -> tuple[ModelInfo, tuple[str, ...]]:
    """Let the job time `predict` where the class of largest probability is not what the model predicts."""
    if info.output is not Output.PROBABILITIES or reference.labels is None or reference.scores is None:
        return info, ()
    differing = int((reference.scores.argmax(axis=1) != reference.labels).sum())
    if not differing:
        return info, ()
    note = f"in {differing} rows the label is not the class of largest probability: calls of predict are timed"
    return replace(info, output=Output.LABELS), (note,)


def _save(path: Path, data: _Dataset) -> None:
    arrays: dict[str, NDArray[np.generic]] = {"X": data.rows} | ({} if data.truth is None else {"y": data.truth})
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def _dataset_info(data: _Dataset, info: ModelInfo, *, source_row_count: int, seed: int, path: Path) -> DatasetInfo:
    counts: dict[str, int] = {}
    if data.truth is not None and info.task is Task.CLASSIFICATION:
        by_index = np.bincount(data.truth.astype(np.int64), minlength=len(info.classes))
        counts = dict(zip(info.classes, by_index.tolist(), strict=True))
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return DatasetInfo(
        row_count=len(data.rows),
        source_row_count=source_row_count,
        feature_count=data.rows.shape[1],
        dtype=str(data.rows.dtype),
        has_target=data.truth is not None,
        class_counts=counts,
        sha256=sha256,
        sample_seed=seed,
        group_counts={} if data.groups is None else _counts(data.groups),
    )


def _counts(groups: NDArray[np.str_]) -> dict[str, int]:
    names, counts = np.unique(groups, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _dataset_notes(dataset: DatasetInfo) -> tuple[str, ...]:
    notes = []
    if dataset.row_count < dataset.source_row_count:
        kind = "a sample stratified by class" if dataset.class_counts else "a sample"
        notes.append(
            f"{dataset.row_count:,} of {dataset.source_row_count:,} rows are used ({kind}, seed {dataset.sample_seed})"
        )
    if not dataset.has_target:
        notes.append("no true values were given: quality is not computed, agreement with the native model is")
    return tuple(notes)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    of_exporters = (package for needs in exporter_needs() for package in needs.packages)
    of_transforms = (package for needs in transform_needs() for package in needs.packages)
    for package in dict.fromkeys((*_PACKAGES, *of_exporters, *of_transforms)):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _some(items: Sequence[object]) -> str:
    shown = ", ".join(str(item) for item in items[:_NAMED])
    return f"{shown} ..." if len(items) > _NAMED else shown
