"""The wrapper around what FastInference generates, with sources of its documented signature written by hand."""

import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.c_source.ensemble import Ensemble, Link
from mltest.coordinator.builder.fastinference.wrapper import wrapper
from mltest.shared.domain import Output, Task, VisitCandidate
from mltest.shared.errors import CompileFailedError, ModelInvalidError
from tests.contract.compiled import as_opened

pytestmark = pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler here; apt install g++")

HEAD = "namespace FAST_INFERENCE {\nvoid predict_model(FT const * const x, LT * pred) {\n"
TWO_SUMS = "    if (x[0] <= 0.5) { pred[0] += 3; pred[1] += 1; } else { pred[1] += 4; }\n}\n}\n"
ONE_SUM = "    pred[0] += x[0] <= 0.5 ? 1 : -2;\n}\n}\n"
ROWS = np.array([[0.25, 9.0], [0.75, 9.0]])
AVERAGED = Ensemble(
    feature_count=2, input_type="float32", sum_type="float64", base_scores=(0.0, 2.0), trees=(), divisor=4
)


def source(ensemble: Ensemble, body: str, folder: Path) -> Path:
    input_type, sum_type = (
        {"float32": "float", "float64": "double", "int32": "int"}[name]
        for name in (ensemble.input_type, ensemble.sum_type)
    )
    head = HEAD.replace("FT", input_type).replace("LT", sum_type)
    path = folder / "model.cpp"
    path.write_text(head + body + wrapper(ensemble))
    return path


def candidate_for(ensemble: Ensemble, task: Task = Task.CLASSIFICATION) -> VisitCandidate:
    is_classifier = task is Task.CLASSIFICATION
    return VisitCandidate(
        candidate_id="c",
        runtime="fastinference",
        format="c++-source",
        artifact_sha256="",
        task=task,
        output=Output.PROBABILITIES if is_classifier else Output.VALUES,
        feature_count=2,
        classes=tuple("abcdef"[: ensemble.output_count]) if is_classifier else (),
        input_dtype=ensemble.input_type,
    )


def scores(ensemble: Ensemble, body: str, folder: Path, task: Task = Task.CLASSIFICATION) -> NDArray[np.float64]:
    candidate = candidate_for(ensemble, task)
    library = as_opened(source(ensemble, body, folder), candidate)
    model = runtime_named("fastinference").open(library, candidate)
    found = model.predictions(model.prepare(ROWS)).scores
    assert found is not None
    return found


def test_sums_begin_with_base_scores_and_are_averaged(tmp_path: Path) -> None:
    assert scores(AVERAGED, TWO_SUMS, tmp_path).tolist() == [[0.75, 0.75], [0.0, 1.5]]


def test_one_sum_becomes_the_probabilities_of_two_classes(tmp_path: Path) -> None:
    ensemble = replace(AVERAGED, base_scores=(0.5,), divisor=1, link=Link.SIGMOID, sum_type="float32")
    expected = [1 / (1 + math.exp(-1.5)), 1 / (1 + math.exp(1.5))]
    found = scores(ensemble, ONE_SUM, tmp_path)
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-15)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-15)


def test_sums_become_probabilities_by_softmax(tmp_path: Path) -> None:
    found = scores(replace(AVERAGED, divisor=1, link=Link.SOFTMAX), TWO_SUMS, tmp_path)
    np.testing.assert_allclose(found, [[0.5, 0.5], [1 / (1 + math.exp(6)), 1 / (1 + math.exp(-6))]], rtol=1e-14)


def test_integer_sums_get_their_unit_and_base_score_behind(tmp_path: Path) -> None:
    ensemble = replace(AVERAGED, divisor=1, sum_type="int32", leaf_bits=32, leaf_unit=0.125)
    assert scores(ensemble, TWO_SUMS, tmp_path).tolist() == [[0.375, 2.125], [0.0, 2.5]]


def test_values_of_a_regressor_keep_their_scale(tmp_path: Path) -> None:
    ensemble = replace(AVERAGED, input_type="float64", base_scores=(1.0,), divisor=2)
    assert scores(ensemble, ONE_SUM, tmp_path, Task.REGRESSION).tolist() == [[1.0], [-0.5]]


def test_the_wrapper_compiles_without_a_warning(tmp_path: Path) -> None:
    path = source(replace(AVERAGED, link=Link.SOFTMAX), TWO_SUMS, tmp_path)
    strict = ("-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only")
    subprocess.run(["c++", *strict, str(path)], check=True, timeout=120)


def test_half_of_a_source_is_refused(tmp_path: Path) -> None:
    path = source(AVERAGED, TWO_SUMS, tmp_path)
    whole = path.read_text()
    path.write_text(whole[: whole.rindex('extern "C" const uint32_t mltest_abi')])
    candidate = candidate_for(AVERAGED)
    with pytest.raises(ModelInvalidError, match="does not define the whole interface"):
        runtime_named("fastinference").open(as_opened(path, candidate), candidate)
    path.write_text(whole[: whole.index("finish(sums, out + row")])
    with pytest.raises(CompileFailedError):
        as_opened(path, candidate)
