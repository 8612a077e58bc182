"""The builder's child process: opens, converts and evaluates; every untrusted byte of a submission is opened here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.builder import PredictionFile
from mltest.coordinator.builder.candidate_evidence import CandidateEvidence
from mltest.coordinator.builder.dataset import RawData, read_data
from mltest.coordinator.builder.evaluation import evaluations
from mltest.coordinator.builder.examination import compared, examined
from mltest.coordinator.builder.exporters.registry import exporter_of
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.inspection import inspection_of
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.opened_artifact import opened_artifact
from mltest.coordinator.builder.opened_model import (
    OpenedModel,
    open_native,
    opened_estimator,
    opened_graph,
    opened_library_model,
)
from mltest.coordinator.builder.opened_program import opened_program
from mltest.coordinator.builder.surgery.selection import read_half
from mltest.coordinator.builder.test_guard import TestGuard
from mltest.coordinator.builder.training import training_of
from mltest.coordinator.builder.transforms.registry import transformed
from mltest.coordinator.builder.variant import SELECTED_ON
from mltest.coordinator.builder.yardstick import read_yardstick
from mltest.coordinator.planning.plan import TestChoice
from mltest.shared.children.child_side import Handler, serve
from mltest.shared.children.frames import Frame
from mltest.shared.domain import Candidate, DatasetInfo, JobSpec, ModelInfo
from mltest.shared.jsonable import from_jsonable, to_jsonable
from mltest.shared.model_format import PICKLE, PT2, SKOPS, permitted_format
from mltest.shared.native.libraries import LIBRARIES
from mltest.shared.native.outputs import NativeModel
from mltest.shared.native.predictions import Predictions

_ESTIMATORS = (SKOPS, PICKLE)
"""Formats of scikit-learn."""


class BuilderSide:
    """Answers what `client.ProcessBuilder` asks; the estimator opened last stays open, as does its last transform."""

    def __init__(self) -> None:
        self._opened: dict[tuple[Path, int], tuple[NativeModel, tuple[str, ...]]] = {}
        self._transformed: dict[tuple[str, ...], ExportSource] = {}
        self._guard = TestGuard()

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each command."""
        return {
            "inspect": self.inspect,
            "build": self.build,
            "evaluate": self.evaluate,
            "examine": self.examine,
            "compare": self.compare,
        }

    def inspect(self, frame: Frame) -> Frame:
        """Check model and data; write dataset and reference."""
        spec = from_jsonable(frame["spec"], JobSpec)
        names, paths = [file.name for file in spec.data], [Path(path) for path in frame["data"]]
        model_path = Path(frame["model"])
        file_format = permitted_format(model_path, allows_pickle=spec.allows_pickle)
        if file_format in _ESTIMATORS:
            self._native(model_path, spec, file_format)
        data = read_data(names, paths, spec.target, spec.group)
        model = self._model(model_path, spec, file_format, data)
        inspection = inspection_of(
            model, data, row_cap=frame["row_cap"], seed=frame["seed"], folder=Path(frame["folder"])
        )
        answer: Frame = to_jsonable(inspection)
        return answer

    def build(self, frame: Frame) -> Frame:
        """Make one artifact."""
        spec, info = from_jsonable(frame["spec"], JobSpec), from_jsonable(frame["info"], ModelInfo)
        candidate = from_jsonable(frame["candidate"], Candidate)
        path, target = Path(frame["model"]), Path(frame["target"])
        native = self._native(path, spec, info.format)[0] if info.format in _ESTIMATORS else None
        rows = Path(frame["rows"]) if frame["rows"] else None
        source = self._transform(ExportSource(path=path, info=info, native=native, rows=rows), candidate, target)
        source = replace(source, options=candidate.recipe_options)
        exported = exporter_of(candidate).export(source, target)
        return {
            "input_dtype": exported.input_dtype,
            "options": {**candidate.recipe_options, **exported.options, **_selected_on(candidate, rows)},
        }

    def evaluate(self, frame: Frame) -> Frame:
        """Run the prediction tests."""
        info = from_jsonable(frame["info"], ModelInfo)
        yardstick = read_yardstick(info, dataset=Path(frame["dataset"]), reference=Path(frame["reference"]))
        choices = [TestChoice(**choice) for choice in frame["tests"]]
        files = [from_jsonable(file, PredictionFile) for file in frame["predictions"]]
        spec, path = from_jsonable(frame["spec"], JobSpec), Path(frame["model"])
        data = RawData(rows=yardstick.rows, truth=yardstick.truth)

        def predict(rows: NDArray[np.floating]) -> Predictions:
            return self._model(path, spec, info.format, data).predict(rows)

        limit_s = frame["test_limit_s"]
        found = evaluations(choices, yardstick, files, predict, guard=self._guard, limit_s=limit_s)
        return {"evaluations": to_jsonable(found)}

    def examine(self, frame: Frame) -> Frame:
        """Run one test of the submitted model and its data."""
        choice, limit_s = TestChoice(**frame["test"]), frame["test_limit_s"]
        return {"results": to_jsonable(examined(choice, self._evidence(frame), limit_s=limit_s))}

    def compare(self, frame: Frame) -> Frame:
        """Run one test of a lossy candidate's artifact."""
        evidence, candidate = self._evidence(frame), from_jsonable(frame["candidate"], Candidate)
        allows_pickle = from_jsonable(frame["spec"], JobSpec).allows_pickle
        predict = opened_artifact(Path(frame["artifact"]), candidate, evidence.model, allows_pickle=allows_pickle)
        beside = CandidateEvidence(native=evidence, candidate=candidate, predict=predict)
        choice, limit_s = TestChoice(**frame["test"]), frame["test_limit_s"]
        return {"results": to_jsonable(compared(choice, beside, limit_s=limit_s))}

    def _evidence(self, frame: Frame) -> ModelEvidence:
        info, spec, path = (
            from_jsonable(frame["info"], ModelInfo),
            from_jsonable(frame["spec"], JobSpec),
            frame["model"],
        )
        yardstick = read_yardstick(info, dataset=Path(frame["dataset"]), reference=Path(frame["reference"]))
        native = self._native(Path(path), spec, info.format)[0] if info.format in _ESTIMATORS else None
        data = RawData(rows=yardstick.rows, truth=yardstick.truth)
        opened = self._model(Path(path), spec, info.format, data)
        return ModelEvidence(
            model=info,
            dataset=from_jsonable(frame["dataset_info"], DatasetInfo),
            path=Path(path),
            native=native,
            rows=yardstick.rows,
            truth=yardstick.truth,
            reference=yardstick.reference,
            predict=opened.predict,
            columns=yardstick.columns,
            row_shape=yardstick.row_shape,
            training=training_of(spec, [Path(one) for one in frame["training"]], opened) if frame["training"] else None,
        )

    def _transform(self, source: ExportSource, candidate: Candidate, target: Path) -> ExportSource:
        """Return what the candidate's transform makes of `source`; that of the candidate before is not made again."""
        if not candidate.transform:
            return source
        key = (str(source.path), str(source.rows), candidate.transform)
        if key not in self._transformed:
            file = target.with_name(f"{target.name}.transformed")
            self._transformed = {key: transformed(source, candidate.transform, file)}
        return self._transformed[key]

    def _model(self, path: Path, spec: JobSpec, file_format: str, data: RawData) -> OpenedModel:
        if file_format == "onnx":
            return opened_graph(path, data)
        if file_format == PT2:
            return opened_program(path, data)
        if file_format in LIBRARIES:
            return opened_library_model(path, file_format)
        native, notes = self._native(path, spec, file_format)
        return opened_estimator(native, notes, file_format=file_format, size_bytes=path.stat().st_size)

    def _native(self, path: Path, spec: JobSpec, file_format: str) -> tuple[NativeModel, tuple[str, ...]]:
        key = (path, path.stat().st_mtime_ns)
        if key not in self._opened:
            self._opened = {key: open_native(path, file_format, allows_pickle=spec.allows_pickle)}
        return self._opened[key]


def _selected_on(candidate: Candidate, rows: Path | None) -> dict[str, str]:
    """Return which rows the candidate's recipe looked at, if it made choices by some."""
    return {SELECTED_ON: read_half(rows).described} if candidate.is_selected and rows else {}


if __name__ == "__main__":
    serve(BuilderSide().handlers())
