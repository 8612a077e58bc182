"""What every runtime has to do, with every artifact that is made for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mltest.agent.runtimes.registry import runtime_named, runtimes
from mltest.agent.runtimes.role import OpenModel, Runtime
from mltest.coordinator.builder.exporters.role import Exporter
from mltest.shared.domain import Output
from mltest.shared.errors import MltestError, ModelInvalidError, RuntimeMissingError
from tests.contract.artifacts import NOT_CONVERTED, Made, make, taken_pairs
from tests.contract.tiny_models import tiny_model

CASES = [
    pytest.param(name, found, id=f"{found.needs.runtimes[0]}-{name}")
    for name, found in taken_pairs()
    if (name, found.needs.name) not in NOT_CONVERTED
]
ONE_EACH = [
    next(case for case in CASES if runtime in case.values[1].needs.runtimes)  # type: ignore[union-attr]  # an exporter
    for runtime in runtimes()
]


@pytest.fixture(autouse=True)
def _unlimited_threads() -> Iterator[None]:
    """Undo what a runtime set for its whole process, which in a worker is its own."""
    with threadpool_limits(limits=os.cpu_count()):
        yield


def opened(name: str, exporter: Exporter, folder: Path) -> tuple[Made, OpenModel, NDArray[np.floating]]:
    made = make(name, exporter, folder)
    return made, runtime_named(made.candidate.runtime).open(made.path, made.candidate), tiny_model(name).rows


@pytest.mark.parametrize(("name", "exporter"), CASES)
def test_prepared_rows_are_contiguous_and_stay_the_same_when_prepared_again(
    name: str, exporter: Exporter, tmp_path: Path
) -> None:
    made, model, rows = opened(name, exporter, tmp_path)
    prepared = model.prepare(np.asfortranarray(rows))
    assert prepared.flags.c_contiguous
    assert prepared.dtype == made.candidate.input_dtype
    again = model.prepare(prepared)
    assert again.dtype == prepared.dtype
    np.testing.assert_array_equal(again, prepared)


@pytest.mark.parametrize(("name", "exporter"), CASES)
@pytest.mark.parametrize("batch_size", [1, 3, 128])
def test_batches_give_what_all_rows_give(name: str, exporter: Exporter, batch_size: int, tmp_path: Path) -> None:
    _, model, rows = opened(name, exporter, tmp_path)
    prepared = model.prepare(rows)
    whole = model.predictions(prepared)
    starts = range(0, min(len(rows), 3 * batch_size), batch_size)
    parts = [model.predictions(prepared[start : start + batch_size]) for start in starts]
    count = sum(len(prepared[start : start + batch_size]) for start in starts)
    assert whole.scores is not None
    scores = np.concatenate([part.scores for part in parts if part.scores is not None])
    np.testing.assert_allclose(scores, whole.scores[:count], rtol=1e-5, atol=1e-5)
    if whole.labels is not None:
        labels = np.concatenate([part.labels for part in parts if part.labels is not None])
        np.testing.assert_array_equal(labels, whole.labels[:count])


@pytest.mark.parametrize(("name", "exporter"), CASES)
def test_the_timed_call_gives_the_output_of_the_job(name: str, exporter: Exporter, tmp_path: Path) -> None:
    made, model, rows = opened(name, exporter, tmp_path)
    batch = model.prepare(rows)[:5]
    answer, expected = np.asarray(model.predict(batch)), model.predictions(batch)
    assert len(answer) == 5
    if made.candidate.output is Output.LABELS:
        assert expected.labels is not None
        assert answer.size == 5
    else:
        assert expected.scores is not None
        flat = answer.reshape(5, -1)
        # A binary ensemble may give the probability of its second class only.
        np.testing.assert_allclose(flat, expected.scores[:, -flat.shape[1] :], rtol=1e-6)


@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_artifact_is_not_a_usable_model(
    name: str, exporter: Exporter, share: float, tmp_path: Path
) -> None:
    made = make(name, exporter, tmp_path)
    content = made.path.read_bytes()
    made.path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelInvalidError):
        runtime_named(made.candidate.runtime).open(made.path, made.candidate)


@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
@pytest.mark.parametrize("feature_count", [1, 5])
def test_rows_of_another_width_are_an_error(name: str, exporter: Exporter, feature_count: int, tmp_path: Path) -> None:
    _, model, _ = opened(name, exporter, tmp_path)
    with pytest.raises(MltestError, match="features"):
        model.prepare(np.zeros((3, feature_count)))


@pytest.mark.parametrize(("name", "exporter"), ONE_EACH)
def test_more_threads_give_the_same(name: str, exporter: Exporter, tmp_path: Path) -> None:
    made, model, rows = opened(name, exporter, tmp_path)
    threaded = runtime_named(made.candidate.runtime).open(made.path, replace(made.candidate, threads=2))
    one, two = model.predictions(model.prepare(rows)), threaded.predictions(threaded.prepare(rows))
    np.testing.assert_allclose(one.scores, two.scores, rtol=1e-6)  # type: ignore[arg-type]  # every tiny model has some


@pytest.mark.parametrize("runtime", runtimes().values(), ids=runtimes())
def test_declared_needs_are_true(runtime: Runtime) -> None:
    needs = runtime.needs
    assert needs.name
    assert needs.formats
    assert all(version(package) for package in needs.packages)
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
    with pytest.raises(RuntimeMissingError, match="onnxruntime, scikit-learn, treelite"):
        runtime_named("tensorrt")
