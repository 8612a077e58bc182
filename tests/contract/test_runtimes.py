"""What every runtime has to do, with every artifact that is made for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mltest.agent.probe.installed import installed_versions
from mltest.agent.runtimes.registry import runtime_named, runtimes
from mltest.agent.runtimes.role import OpenModel, Runtime
from mltest.agent.worker.form import LEAN_CALL, NATIVE_CALL, PYTHON_CALL
from mltest.agent.worker.forms import form_of
from mltest.coordinator.builder.exporters.role import Exporter
from mltest.shared.domain import Output, VisitCandidate
from mltest.shared.errors import (
    CallAbsentError,
    CompileFailedError,
    MltestError,
    ModelInvalidError,
    RuntimeMissingError,
)
from mltest.shared.native.class_labels import class_indices
from mltest.shared.native.predictions import Predictions
from mltest.shared.reference import REFERENCE_RUNTIME
from tests.contract.artifacts import NOT_CONVERTED, Made, ReferenceExport, copied, made_artifact, rows_of, taken_pairs
from tests.contract.compiled import as_opened
from tests.contract.own_environments import (
    add_own_environments,
    is_installed,
    skipped_unless_made_and_run,
)

add_own_environments()

OPTIONAL = ("catboost",)
"""Runtimes that are too large for the tools of development."""
FOREIGN = ("tl2cgen", "emlearn")
"""Runtimes that are c by another name: what they share with it is not tried with every model again."""
FOREIGN_NAMES = ("forest, three classes", "forest of values", "network, two classes", "xgboost, two classes")
REFERENCE_CASES = [
    pytest.param(name, ReferenceExport(), id=f"reference-{name}")
    for name in ("forest, three classes", "svm, two text labels", "ridge of values")
]
CASES = [
    pytest.param(
        name,
        found,
        id=f"{found.needs.runtimes[0]}-{name}",
        marks=skipped_unless_made_and_run(found.needs),
    )
    for name, found in taken_pairs()
    if (name, found.needs.name) not in NOT_CONVERTED
    if found.needs.runtimes[0] not in FOREIGN or name in FOREIGN_NAMES
] + REFERENCE_CASES
_SERVED = {name for _, found in taken_pairs() for name in found.needs.runtimes} | {REFERENCE_RUNTIME}
ONE_EACH = [
    next(case for case in CASES if runtime in case.values[1].needs.runtimes)  # type: ignore[union-attr]  # an exporter
    for runtime, adapter in runtimes().items()
    if runtime in _SERVED and (runtime not in OPTIONAL or is_installed(adapter.needs))
]


_LIBRARIES = ("xgboost", "lightgbm", "catboost")
_ONE_CALL = (*_LIBRARIES, "litert")
NEVER: dict[str, tuple[str, ...]] = {
    LEAN_CALL: _ONE_CALL,
    NATIVE_CALL: ("scikit-learn", "daal4py", "numpy", "openvino", "torch", "torch-compile", *_ONE_CALL),
}
"""Runtimes that have no such form."""
ONE_THREAD = ("lleaves",)
"""Runtimes whose function for one thread has no leaner sibling for several."""
_TEXT, _UNDECLARED = ("ridge, three text labels", "svm, two text labels"), ("two values a row",)
UNBOUND = {("onnxruntime", name) for name in (*_TEXT, *_UNDECLARED)}
"""Graphs that answer with text, or with another width than they declare: their outputs cannot be bound beforehand."""


@pytest.fixture(autouse=True)
def _unlimited_threads() -> Iterator[None]:
    """Undo what a runtime set for its whole process, which in a worker is its own."""
    with threadpool_limits(limits=os.cpu_count()):
        yield


@pytest.fixture(scope="session")
def loop_folder_of_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture
def loop_folder(loop_folder_of_session: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in one folder for all, as a worker is in that of its visit: the loop is compiled once."""
    monkeypatch.chdir(loop_folder_of_session)
    return loop_folder_of_session


def assert_equals_predictions(
    answer: NDArray[np.generic], expected: Predictions, candidate: VisitCandidate, *, relative: float = 1e-5
) -> None:
    """Compare an answer with predictions for the same rows; sums of float32 depend a little on the batch size."""
    if candidate.output is Output.LABELS:
        assert expected.labels is not None
        np.testing.assert_array_equal(class_indices(answer, candidate.classes), expected.labels)
        return
    assert expected.scores is not None
    assert answer.dtype == np.float64
    np.testing.assert_allclose(answer, expected.scores, rtol=relative, atol=relative)  # type: ignore[arg-type]  # float64


def opened(name: str, exporter: Exporter) -> tuple[Made, OpenModel, NDArray[np.floating]]:
    made = made_artifact(name, exporter)
    return made, runtime_named(made.candidate.runtime).open(made.path, made.candidate), rows_of(name)


@pytest.mark.parametrize(("name", "exporter"), CASES)
def test_prepared_rows_are_contiguous_and_stay_the_same_when_prepared_again(name: str, exporter: Exporter) -> None:
    made, model, rows = opened(name, exporter)
    prepared = model.prepare(np.asfortranarray(rows))
    assert prepared.flags.c_contiguous
    assert prepared.dtype == made.candidate.input_dtype
    again = model.prepare(prepared)
    assert again.dtype == prepared.dtype
    np.testing.assert_array_equal(again, prepared)


@pytest.mark.parametrize(("name", "exporter"), CASES)
def test_batches_give_what_all_rows_give(name: str, exporter: Exporter) -> None:
    _, model, rows = opened(name, exporter)
    prepared = model.prepare(rows)
    whole = model.predictions(prepared)
    for batch_size in (1, 3, 128):
        assert_batches_give(whole, model, prepared, batch_size)


def assert_batches_give(whole: Predictions, model: OpenModel, prepared: NDArray[np.floating], batch_size: int) -> None:
    """Compare the first batches of `prepared` with what the model says of `whole`."""
    starts = range(0, min(len(prepared), 3 * batch_size), batch_size)
    parts = [model.predictions(prepared[start : start + batch_size]) for start in starts]
    count = sum(len(prepared[start : start + batch_size]) for start in starts)
    if whole.scores is not None:
        scores = np.concatenate([part.scores for part in parts if part.scores is not None])
        np.testing.assert_allclose(scores, whole.scores[:count], rtol=1e-5, atol=1e-5)
    assert whole.scores is not None or whole.labels is not None
    if whole.labels is not None:
        labels = np.concatenate([part.labels for part in parts if part.labels is not None])
        np.testing.assert_array_equal(labels, whole.labels[:count])


@pytest.mark.parametrize(("name", "exporter"), CASES)
def test_the_timed_call_gives_the_output_of_the_job(name: str, exporter: Exporter) -> None:
    made, model, rows = opened(name, exporter)
    batch = model.prepare(rows)[:5]
    assert_equals_predictions(model.answer(model.predict(batch), 5), model.predictions(batch), made.candidate)


@pytest.mark.parametrize(("name", "exporter"), CASES)
def test_an_answer_is_kept_when_the_call_is_made_again(name: str, exporter: Exporter) -> None:
    _, model, rows = opened(name, exporter)
    prepared = model.prepare(rows)
    answer = model.answer(model.predict(prepared[:5]), 5)
    before = answer.copy()
    model.predict(prepared[5:10])
    np.testing.assert_array_equal(answer, before)


@pytest.mark.parametrize("metric", [LEAN_CALL, NATIVE_CALL])
@pytest.mark.parametrize(("name", "exporter"), CASES)
def test_other_forms_of_the_call_answer_as_the_usual_one(
    name: str, exporter: Exporter, metric: str, loop_folder: Path
) -> None:
    made, model, rows = opened(name, exporter)
    prepared = model.prepare(rows)
    if made.candidate.runtime in NEVER[metric] or (made.candidate.runtime, name) in UNBOUND:
        with pytest.raises(CallAbsentError):
            form_of(metric, 1, model, prepared, rows)
        return
    expected = model.predictions(prepared)
    for batch_size in (1, 7, 128):
        found, usual = (
            np.concatenate([answer for _, answer in form_of(key, batch_size, model, prepared, rows).answers()])
            for key in (metric, PYTHON_CALL)
        )
        np.testing.assert_array_equal(found, usual)
        assert_equals_predictions(found[: len(rows)], expected, made.candidate)


@pytest.mark.parametrize("metric", [LEAN_CALL, NATIVE_CALL])
@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
def test_other_forms_are_timed_and_then_still_answer_the_same(
    name: str, exporter: Exporter, metric: str, loop_folder: Path
) -> None:
    made, model, rows = opened(name, exporter)
    if made.candidate.runtime in NEVER[metric]:
        return
    form = form_of(metric, 16, model, model.prepare(rows), rows)
    before = [answer for _, answer in form.answers()]
    warm_up, calls = form.warm(1_000_000), form.timed(1_000_000, 10)
    assert warm_up.call_ns > 0
    assert 1 <= len(calls.values_ns) <= 10
    assert all(value > 0 for value in calls.values_ns)
    np.testing.assert_array_equal(before, [answer for _, answer in form.answers()])


@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
def test_more_threads_give_the_same_in_every_form(name: str, exporter: Exporter, loop_folder: Path) -> None:
    made, _, rows = opened(name, exporter)
    model = runtime_named(made.candidate.runtime).open(made.path, replace(made.candidate, threads=2))
    prepared = model.prepare(rows)
    for metric in (LEAN_CALL, NATIVE_CALL):
        if made.candidate.runtime in ONE_THREAD:
            with pytest.raises(CallAbsentError, match="one thread"):
                form_of(metric, 100, model, prepared, rows)
        elif made.candidate.runtime not in NEVER[metric]:
            answers = [answer for _, answer in form_of(metric, 100, model, prepared, rows).answers()]
            assert_equals_predictions(
                np.concatenate(answers), model.predictions(prepared), made.candidate, relative=1e-6
            )


def test_scikit_learn_says_that_it_has_no_c_interface() -> None:
    case = next(found for found in ONE_EACH if str(found.id).startswith("scikit-learn"))
    name, exporter = case.values
    _, model, rows = opened(str(name), exporter)  # type: ignore[arg-type]  # an exporter
    with pytest.raises(CallAbsentError, match="scikit-learn has no C interface"):
        form_of(NATIVE_CALL, 1, model, model.prepare(rows), rows)


def test_leaner_calls_of_scikit_learn_leave_its_checks_on_for_others() -> None:
    case = next(found for found in ONE_EACH if str(found.id).startswith("scikit-learn"))
    name, exporter = case.values
    _, model, rows = opened(str(name), exporter)  # type: ignore[arg-type]  # an exporter
    before = sklearn.get_config()
    list(form_of(LEAN_CALL, 16, model, model.prepare(rows), rows).answers())
    assert sklearn.get_config() == before


@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_artifact_is_not_a_usable_model(
    name: str, exporter: Exporter, share: float, tmp_path: Path
) -> None:
    made = copied(made_artifact(name, exporter), tmp_path)
    content = made.artifact.read_bytes()
    made.artifact.write_bytes(content[: int(len(content) * share)])
    with pytest.raises((ModelInvalidError, CompileFailedError)):
        runtime_named(made.candidate.runtime).open(as_opened(made.artifact, made.candidate), made.candidate)


@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
@pytest.mark.parametrize("feature_count", [1, 5])
def test_rows_of_another_width_are_an_error(name: str, exporter: Exporter, feature_count: int) -> None:
    _, model, _ = opened(name, exporter)
    with pytest.raises(MltestError, match="features"):
        model.prepare(np.zeros((3, feature_count)))


@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
def test_more_threads_give_the_same(name: str, exporter: Exporter) -> None:
    made, model, rows = opened(name, exporter)
    threaded = runtime_named(made.candidate.runtime).open(made.path, replace(made.candidate, threads=2))
    one, two = model.predictions(model.prepare(rows)), threaded.predictions(threaded.prepare(rows))
    np.testing.assert_allclose(one.scores, two.scores, rtol=1e-6)  # type: ignore[arg-type]  # every tiny model has some


@pytest.mark.parametrize("runtime", runtimes().values(), ids=runtimes())
def test_declared_needs_are_true(runtime: Runtime) -> None:
    needs = runtime.needs
    assert needs.name
    assert needs.formats
    if (needs.is_apart or needs.name in OPTIONAL) and not is_installed(needs):
        pytest.skip(needs.remedy)
    assert all(installed_versions(needs).values())
    assert all(find_spec(module) for module in needs.modules)


def test_describing_runtimes_imports_no_library() -> None:
    program = """
import sys
from mltest.agent.runtimes.registry import runtimes
modules = {module for runtime in runtimes().values() for module in runtime.needs.modules}
assert not modules & set(sys.modules), modules & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_runtime_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(RuntimeMissingError) as caught:
        runtime_named("tensorrt")
    for name in ("onnxruntime", "reference", "scikit-learn", "treelite"):
        assert name in caught.value.message
