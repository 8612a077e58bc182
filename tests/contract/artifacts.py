"""Artifacts of the tiny models, made by every exporter that takes them."""

import json
import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import skops.io
from numpy.typing import NDArray

from mltest.coordinator.builder.exporters.registry import exporters
from mltest.coordinator.builder.exporters.role import Exported, Exporter, ExporterNeeds, ExportSource
from mltest.shared.domain import ModelInfo, VisitCandidate
from mltest.shared.native.library_model import LibraryModel
from mltest.shared.native.outputs import NativeModel, describe_estimator
from mltest.shared.reference import REFERENCE_FORMAT, REFERENCE_RUNTIME, reference_artifact
from tests.contract.compiled import as_opened
from tests.contract.tiny_boosters import BOOSTER_NAMES, booster_info, booster_native, tiny_booster, write_booster
from tests.contract.tiny_models import NAMES as ESTIMATOR_NAMES
from tests.contract.tiny_models import tiny_model
from tests.made_once import made_once

NAMES = (*ESTIMATOR_NAMES, *BOOSTER_NAMES)
_ARTIFACT, _EXPORTED = "artifact", "exported.json"


class ReferenceExport:
    """Gives the pinned reference in place of any model."""

    needs = ExporterNeeds(
        name="reference_export", runtimes=(REFERENCE_RUNTIME,), formats={"skops": REFERENCE_FORMAT}, takes="every model"
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Write the reference."""
        target.write_bytes(reference_artifact())
        return Exported(input_dtype="float64")


NOT_CONVERTED = {
    ("scaled forest", "treelite_export"): "StandardScaler",
    ("scaled forest", "c_export"): "StandardScaler",
    ("xgboost, labels of three classes", "c_export"): "asked for labels",
    ("xgboost, raw scores", "c_export"): "asked for scores",
    ("xgboost, hinge", "c_export"): "asked for labels",
    ("xgboost, categories", "c_export"): "no splits by category",
    ("lightgbm, one against all", "c_export"): "asked for scores",
    ("lightgbm, categories", "c_export"): "no splits by category",
    ("lightgbm, roots", "c_export"): "signed_square",
    ("lightgbm, linear leaves", "c_export"): "linear",
    ("scaled forest", "tl2cgen_export"): "StandardScaler",
    ("xgboost, labels of three classes", "tl2cgen_export"): "asked for labels",
    ("xgboost, raw scores", "tl2cgen_export"): "asked for scores",
    ("xgboost, hinge", "tl2cgen_export"): "asked for labels",
    ("xgboost, two values a row", "tl2cgen_export"): "first base score",
    ("lightgbm, one against all", "tl2cgen_export"): "asked for scores",
    ("lightgbm, linear leaves", "tl2cgen_export"): "linear",
    ("scaled forest", "emlearn_export"): "StandardScaler",
    ("scaled network", "emlearn_export"): "MinMaxScaler",
    ("two values a row", "emlearn_export"): "one value a row",
    ("lightgbm, one against all", "lleaves_export"): "no link of multiclassova",
    ("lightgbm, linear leaves", "lleaves_export"): "linear models of leaves",
    ("lightgbm, own objective", "lleaves_export"): "a model without objective",
    ("xgboost, labels of three classes", "treelite_export"): "multi:softprob",
    ("xgboost, hinge", "treelite_export"): "labels",
    ("xgboost, hinge", "onnx_export"): "binary:hinge",
    ("xgboost, raw scores", "onnx_export"): "binary:logitraw",
    ("xgboost, dart", "onnx_export"): "gbtree of XGBoost, this is dart",
    ("xgboost, linear", "onnx_export"): "gbtree of XGBoost, this is gblinear",
    ("xgboost, two values a row", "onnx_export"): "several values a row",
    ("xgboost, shares", "onnx_export"): "reg:logistic",
    ("lightgbm, one against all", "onnx_export"): "multiclassova",
    ("lightgbm, forest", "onnx_export"): "boosting: rf",
    ("lightgbm, linear leaves", "onnx_export"): "linear leaves",
    ("lightgbm, linear leaves", "treelite_export"): "linear",
    ("lightgbm, roots", "onnx_export"): "regression sqrt",
    ("lightgbm, own objective", "onnx_export"): "objective none",
    ("catboost, one against all", "onnx_export"): "sum to 1",
    ("catboost, counts", "onnx_export"): "exponent",
    ("scaled forest", "daal4py_export"): "StandardScaler",
    ("forest, three classes", "daal4py_export"): "no forests of more than two classes, this one has 3",
    ("two values a row", "daal4py_export"): "several targets",
    ("ridge, two classes", "hummingbird_export"): "no converter for RidgeClassifier",
    ("ridge, three text labels", "hummingbird_export"): "no converter for RidgeClassifier",
    ("svm, three classes", "hummingbird_export"): "other shapes",
    ("svm of values", "hummingbird_export"): "no converter for SVR",
    ("scaled svm of values", "hummingbird_export"): "no converter for SVR",
    ("svm, two text labels", "numpy_export"): "SVC is not linear",
    ("svm, three classes", "numpy_export"): "SVC is not linear",
    ("svm of values", "numpy_export"): "SVR is not linear",
    ("scaled svm", "numpy_export"): "SVC is not linear",
    ("scaled svm of values", "numpy_export"): "SVR is not linear",
}
"""What passes the declared needs and still cannot be made, with a word of its reason."""


LOSSY = {"emlearn_export": 0.9}
"""Exporters whose plainest variant is lossy by design, with the least share of labels that is right here."""


@dataclass(frozen=True, slots=True)
class Made:
    """An artifact, and how an agent is told of it."""

    path: Path
    """What a worker opens."""
    candidate: VisitCandidate
    native: NativeModel | LibraryModel
    artifact: Path
    """What was exported."""
    source: ExportSource
    """Of what it was made."""


_MADE: dict[tuple[str, str], Made] = {}


def rows_of(name: str) -> NDArray[np.floating]:
    """Return rows that the model `name` has not seen."""
    return tiny_booster(name).rows if name in BOOSTER_NAMES else tiny_model(name).rows


def taken_pairs() -> list[tuple[str, Exporter]]:
    """Return every model with every exporter whose declared needs it fits; what a tool finishes is tested apart."""
    return [(name, found) for name in NAMES for found in exporters() if _takes(found, name) and not found.needs.tool]


def source_of(name: str, folder: Path) -> ExportSource:
    """Save the model `name` below `folder` and return it as exporters get it."""
    path = _source_path(name, folder)
    if name in BOOSTER_NAMES:
        write_booster(name, folder)
    else:
        skops.io.dump(tiny_model(name).estimator, path)
    return _source_at(name, path)


def made_artifact(name: str, exporter: Exporter) -> Made:
    """Return what the model `name` is exported to, made once for all tests: nobody may change its files."""
    key = name, exporter.needs.name
    if key not in _MADE:
        _MADE[key] = _made(name, exporter)
    return _MADE[key]


def _made(name: str, exporter: Exporter) -> Made:
    folder = made_once(f"artifact {name} {exporter.needs.name}", lambda folder: _export(name, exporter, folder))
    exported = Exported(**json.loads((folder / _EXPORTED).read_text()))
    source, artifact = _source_at(name, _source_path(name, folder)), folder / _ARTIFACT
    candidate = VisitCandidate(
        candidate_id="c",
        runtime=exporter.needs.runtimes[0],
        format=exporter.needs.formats[source.info.format],
        artifact_sha256="",
        task=source.info.task,
        output=source.info.output,
        feature_count=source.info.feature_count,
        classes=source.info.classes,
        input_dtype=exported.input_dtype,
        options=exported.options,
    )
    native = source.native or booster_native(name)
    path = as_opened(artifact, candidate)
    return Made(path=path, candidate=candidate, native=native, artifact=artifact, source=source)


def copied(made: Made, folder: Path) -> Made:
    """Return `made` with a copy of its artifact below `folder`, which may be changed."""
    return replace(made, artifact=Path(shutil.copy(made.artifact, folder)))


def _export(name: str, exporter: Exporter, folder: Path) -> None:
    exported = exporter.export(source_of(name, folder), folder / _ARTIFACT)
    content = {"input_dtype": exported.input_dtype, "options": dict(exported.options)}
    (folder / _EXPORTED).write_text(json.dumps(content))


def _source_path(name: str, folder: Path) -> Path:
    return folder / (f"{name}.model" if name in BOOSTER_NAMES else f"{name}.skops")


def _source_at(name: str, path: Path) -> ExportSource:
    return ExportSource(path=path, info=_info(name), native=None if name in BOOSTER_NAMES else _native(name))


@cache
def _native(name: str) -> NativeModel:
    return describe_estimator(tiny_model(name).estimator)


def _takes(exporter: Exporter, name: str) -> bool:
    needs, info = exporter.needs, _info(name)
    fits_family = not needs.families or info.family in needs.families
    return info.format in needs.formats and fits_family and (not needs.tasks or info.task in needs.tasks)


def _info(name: str) -> ModelInfo:
    if name in BOOSTER_NAMES:
        return booster_info(name)
    native = _native(name)
    return ModelInfo(
        format="skops",
        family=native.family,
        kind=native.kind,
        task=native.task,
        output=native.output,
        feature_count=native.feature_count,
        classes=native.classes,
        size_bytes=0,
    )
