"""The builder with its real child process: from files as a user submits them to evaluations."""

import asyncio
import signal
import warnings
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pytest
import skops.io
from numpy.typing import NDArray
from pyarrow import csv
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC

from mltest.coordinator.builder.builder import Inspection, PredictionFile
from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.builder.recipes import enumerate_candidates
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate, FileRef, JobSpec, Output, Task
from mltest.shared.errors import (
    ChildCrashedError,
    ConversionError,
    DataInvalidError,
    DataMismatchError,
    DeadlineError,
    ModelInvalidError,
    ModelRefusedError,
)
from mltest.shared.native.predictions import Predictions, load_predictions, save_predictions

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(120, 3))
TRUTH = (ROWS[:, 0] > 0).astype(int)
PLAN = Plan()
ONNX, SKOPS = "model.onnx", "model.skops"
"""The first one unless a test needs an estimator: the libraries of the second take two seconds to import."""
FOREST = RandomForestClassifier(5, random_state=0).fit(ROWS, TRUTH)


@dataclass(frozen=True, slots=True)
class Submission:
    """Files in a folder, and the builder that opens them."""

    builder: ProcessBuilder
    folder: Path

    def spec(self, model: str, data: Sequence[str], **changes: Any) -> JobSpec:
        files = tuple(FileRef(name=name, sha256="") for name in data)
        return replace(JobSpec(model=FileRef(name=model, sha256=""), data=files), **changes)

    async def inspect(self, model: str = ONNX, *data: str, plan: Plan = PLAN, **changes: Any) -> Inspection:
        names = data or ("data.npz",)
        return await self.builder.inspect(
            self.spec(model, names, **changes),
            plan,
            model=self.folder / model,
            data=[self.folder / name for name in names],
            folder=self.folder,
        )

    def save_model(self, estimator: object) -> str:
        skops.io.dump(estimator, self.folder / SKOPS)
        return SKOPS

    def save_data(self, rows: NDArray[Any] = ROWS, truth: NDArray[Any] | None = TRUTH) -> None:
        arrays = {"X": rows} if truth is None else {"X": rows, "y": truth}
        np.savez(self.folder / "data.npz", **arrays)  # type: ignore[arg-type]  # arrays by name


@pytest.fixture(scope="module")
def graph() -> bytes:
    """A logistic regression as ONNX."""
    return onnx_of(LogisticRegression().fit(ROWS, TRUTH))


def onnx_of(model: LogisticRegression) -> bytes:
    content: bytes = to_onnx(model, ROWS[:1].astype(np.float32), options={"zipmap": False}).SerializeToString()
    return content


@pytest.fixture
async def submission(graph: bytes, tmp_path: Path) -> AsyncIterator[Submission]:
    builder = ProcessBuilder(tmp_path)
    found = Submission(builder, tmp_path)
    (tmp_path / ONNX).write_bytes(graph)
    found.save_data()
    yield found
    await builder.close()


async def test_a_model_and_its_data_become_facts_dataset_and_reference(submission: Submission) -> None:
    inspection = await submission.inspect(submission.save_model(FOREST))
    assert (inspection.model.family, inspection.model.output) == ("forest", Output.PROBABILITIES)
    assert inspection.model.classes == ("0", "1")
    assert inspection.dataset.class_counts == {"0": int((TRUTH == 0).sum()), "1": int((TRUTH == 1).sum())}
    with np.load(inspection.dataset_path) as arrays:
        np.testing.assert_array_equal(arrays["X"], ROWS)
        np.testing.assert_array_equal(arrays["y"], TRUTH)
    reference = load_predictions(inspection.reference_path)
    assert reference.labels is not None
    assert reference.are_probabilities
    assert "scikit-learn" in inspection.versions


async def test_a_baseline_is_the_submitted_file_and_agrees_exactly(submission: Submission) -> None:
    inspection = await submission.inspect(submission.save_model(FOREST))
    candidates = enumerate_candidates(inspection.model, PLAN)
    artifact = await build(submission, candidates[0], inspection)
    assert artifact.read_bytes() == (submission.folder / SKOPS).read_bytes()
    good = PredictionFile(candidate_id="c", agent_id="a", path=inspection.reference_path)
    (evaluation,) = await evaluate(submission, inspection, [good], model=SKOPS)
    assert evaluation.gate_reason == ""
    assert {result.metric for result in evaluation.results} >= {"accuracy", "label_agreement", "roc_auc"}


async def test_one_bad_file_of_predictions_leaves_the_others_alone(submission: Submission) -> None:
    inspection = await submission.inspect()
    broken, short = submission.folder / "broken.npz", submission.folder / "short.npz"
    broken.write_bytes(b"no archive")
    save_predictions(short, Predictions(labels=np.zeros(3, dtype=np.int64)))
    paths = (broken, short, inspection.reference_path)
    files = [PredictionFile(candidate_id=path.stem, agent_id="a", path=path) for path in paths]
    found = await evaluate(submission, inspection, files)
    assert "cannot be read" in found[0].gate_reason
    assert "for 120 rows" in found[1].gate_reason
    assert found[2].gate_reason == ""


async def test_what_cannot_be_converted_says_why_and_the_builder_goes_on(submission: Submission) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    forest = make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)).fit(ROWS, TRUTH)
    inspection = await submission.inspect(submission.save_model(forest))
    by_runtime = {candidate.runtime: candidate for candidate in enumerate_candidates(inspection.model, PLAN)}
    with pytest.raises(ConversionError, match="StandardScaler"):
        await build(submission, by_runtime["treelite"], inspection)
    assert (await build(submission, by_runtime["onnxruntime"], inspection)).stat().st_size > 0


async def test_a_pickle_needs_permission(submission: Submission) -> None:
    joblib.dump(LogisticRegression().fit(ROWS, TRUTH), submission.folder / "model.joblib")
    with pytest.raises(ModelRefusedError, match="can run any code"):
        await submission.inspect("model.joblib")
    assert (await submission.inspect("model.joblib", allows_pickle=True)).model.format == "pickle"


async def test_an_onnx_file_names_its_classes(submission: Submission) -> None:
    labels = np.array(["no", "yes"])[TRUTH]
    (submission.folder / ONNX).write_bytes(onnx_of(LogisticRegression().fit(ROWS, labels)))
    submission.save_data(ROWS, labels)
    inspection = await submission.inspect()
    assert inspection.model.classes == ("no", "yes")
    assert (inspection.model.output, inspection.model.feature_count) == (Output.PROBABILITIES, 3)


async def test_other_widths_are_named_with_both_numbers(submission: Submission) -> None:
    submission.save_data(ROWS[:, :2])
    with pytest.raises(DataMismatchError, match="the model takes 3 features, the data have 2"):
        await submission.inspect()


async def test_labels_that_the_model_does_not_know_are_named(submission: Submission) -> None:
    submission.save_data(ROWS, TRUTH + 1)
    with pytest.raises(DataMismatchError, match="does not know: 2; it knows 0, 1"):
        await submission.inspect()


async def test_gaps_are_named_where_the_model_takes_none(submission: Submission) -> None:
    model = submission.save_model(SVC().fit(ROWS, TRUTH))
    rows = ROWS.copy()
    rows[[4, 9], 1] = np.nan
    submission.save_data(rows)
    with pytest.raises(DataMismatchError, match=r"2 rows \(rows 4, 9; columns 1\), and SVC takes none"):
        await submission.inspect(model)


async def test_a_truncated_model_and_empty_data_are_refused(submission: Submission) -> None:
    model = submission.folder / ONNX
    whole = model.read_bytes()
    model.write_bytes(whole[:-50])
    with pytest.raises(ModelInvalidError):
        await submission.inspect()
    model.write_bytes(whole)
    submission.save_data(ROWS[:0], TRUTH[:0])
    with pytest.raises(DataInvalidError, match="is empty"):
        await submission.inspect()


async def test_columns_of_a_csv_are_taken_in_the_order_of_the_model(submission: Submission) -> None:
    names = ["width", "height", "depth"]
    model = LinearRegression().fit(ROWS, ROWS[:, 0])
    model.feature_names_in_ = np.array(names, dtype=object)
    submission.save_model(model)
    columns = {"depth": ROWS[:, 2], "extra": ROWS[:, 0], "y": ROWS[:, 0], "width": ROWS[:, 0], "height": ROWS[:, 1]}
    csv.write_csv(pa.table(columns), submission.folder / "data.csv")
    inspection = await submission.inspect(SKOPS, "data.csv", target="y")
    assert inspection.model.task is Task.REGRESSION
    with np.load(inspection.dataset_path) as arrays:
        np.testing.assert_allclose(arrays["X"], ROWS)
    assert "columns that the model does not know are left out: extra" in inspection.notes


async def test_more_rows_than_the_cap_become_a_stated_sample(submission: Submission) -> None:
    inspection = await submission.inspect(plan=Plan(row_cap=50, seed=7))
    assert (inspection.dataset.row_count, inspection.dataset.source_row_count) == (50, 120)
    assert "50 of 120 rows are used (a sample stratified by class, seed 7)" in inspection.notes


async def test_a_label_that_is_not_the_most_probable_class_changes_the_timed_call(submission: Submission) -> None:
    with warnings.catch_warnings():
        # Deprecated, and still in many saved models.
        warnings.simplefilter("ignore")
        model = submission.save_model(SVC(probability=True, random_state=0).fit(ROWS, TRUTH))
    assert (await submission.inspect(model)).model.output is Output.LABELS


async def test_a_crash_is_told_and_the_next_request_gets_a_fresh_child(submission: Submission) -> None:
    path = submission.folder / "model.pkl"
    joblib.dump(_Deadly(), path)
    with pytest.raises(ChildCrashedError, match="SIGSEGV"):
        await submission.inspect("model.pkl", allows_pickle=True)
    assert (await submission.inspect()).model.family == "linear"


async def test_a_model_that_never_opens_ends_at_the_deadline(submission: Submission) -> None:
    joblib.dump(_Endless(), submission.folder / "model.pkl")
    with pytest.raises(DeadlineError, match=r"opening model.pkl and its data took longer than 5 s"):
        await submission.inspect("model.pkl", plan=Plan(load_timeout_s=4, step_timeout_s=1), allows_pickle=True)


async def test_a_cancelled_request_does_not_answer_the_next_one(submission: Submission) -> None:
    joblib.dump(_Endless(), submission.folder / "model.pkl")
    waiting = asyncio.create_task(submission.inspect("model.pkl", allows_pickle=True))
    await _until_spawned(submission.builder)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await submission.inspect()).model.family == "linear"


async def build(submission: Submission, candidate: Candidate, inspection: Inspection) -> Path:
    spec = submission.spec(SKOPS, ["data.npz"])
    artifact = await submission.builder.build(
        candidate,
        spec,
        inspection.model,
        PLAN,
        model=submission.folder / SKOPS,
        rows=inspection.dataset_path,
        folder=submission.folder,
    )
    return artifact.path


async def evaluate(
    submission: Submission, inspection: Inspection, files: Sequence[PredictionFile], *, model: str = ONNX
) -> Any:
    return await submission.builder.evaluate(
        (),
        submission.spec(model, ["data.npz"]),
        inspection.model,
        PLAN,
        model=submission.folder / model,
        dataset=inspection.dataset_path,
        reference=inspection.reference_path,
        predictions=files,
    )


async def _until_spawned(builder: ProcessBuilder) -> None:
    async with asyncio.timeout(20):
        while builder._child is None:
            await asyncio.sleep(0)


class _Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (eval, (f"__import__('os').kill(__import__('os').getpid(), {int(signal.SIGSEGV)})",))


class _Endless:
    """Never lets go of the process that unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (signal.pause, ())
