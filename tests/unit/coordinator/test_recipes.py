from dataclasses import replace

import pytest

from mltest.coordinator.builder.recipes import enumerate_candidates, recipe_key
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import ModelInfo, Output, Task
from mltest.shared.errors import PlanInvalidError

FOREST = ModelInfo(
    format="skops",
    family="forest",
    kind="RandomForestClassifier",
    task=Task.CLASSIFICATION,
    output=Output.PROBABILITIES,
    feature_count=4,
    classes=("0", "1"),
    size_bytes=1,
)


def test_the_baseline_is_number_one_and_the_only_one() -> None:
    candidates = enumerate_candidates(FOREST, Plan(threads=(1, 2)))
    assert [candidate.is_baseline for candidate in candidates] == [True, False, False, False, False, False]
    assert (candidates[0].runtime, candidates[0].format, candidates[0].threads) == ("scikit-learn", "skops", 1)


def test_every_runtime_and_number_of_threads_is_a_candidate() -> None:
    candidates = enumerate_candidates(FOREST, Plan(threads=(1, 2)))
    expected = {(runtime, threads) for runtime in ("scikit-learn", "onnxruntime", "treelite") for threads in (1, 2)}
    assert {(candidate.runtime, candidate.threads) for candidate in candidates} == expected
    assert len({candidate.candidate_id for candidate in candidates}) == 6
    assert all(len(candidate.candidate_id) == 12 and not candidate.reason for candidate in candidates)


def test_what_a_runtime_cannot_take_is_listed_with_its_reason() -> None:
    candidates = enumerate_candidates(replace(FOREST, family="svm"), Plan())
    impossible = [candidate for candidate in candidates if candidate.reason]
    assert [candidate.runtime for candidate in impossible] == ["treelite"]
    assert impossible[0].reason_code == "MODEL_UNSUPPORTED"
    assert impossible[0].reason == "treelite takes tree ensembles of scikit-learn, this model's family is svm"


def test_an_onnx_file_runs_as_it_is_and_nowhere_else() -> None:
    candidates = enumerate_candidates(replace(FOREST, format="onnx"), Plan())
    assert (candidates[0].runtime, candidates[0].exporter, candidates[0].is_baseline) == (
        "onnxruntime",
        "onnx_native",
        True,
    )
    assert {candidate.runtime for candidate in candidates if candidate.reason} == {"scikit-learn", "treelite"}


def test_the_choice_of_runtimes_keeps_the_baseline() -> None:
    candidates = enumerate_candidates(FOREST, Plan(runtimes=("treelite",)))
    assert [candidate.runtime for candidate in candidates] == ["scikit-learn", "treelite"]


def test_an_unknown_runtime_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanInvalidError, match="nearest valid one is 'onnxruntime'"):
        enumerate_candidates(FOREST, Plan(runtimes=("onnx-runtime",)))


def test_identities_do_not_depend_on_the_model_but_artifacts_do() -> None:
    first, second = (enumerate_candidates(replace(FOREST, kind=kind), Plan())[1] for kind in ("A", "B"))
    assert first.candidate_id == second.candidate_id
    assert recipe_key(first, "a" * 64, {}) != recipe_key(first, "b" * 64, {})
    assert recipe_key(first, "a" * 64, {"onnx": "1"}) != recipe_key(first, "a" * 64, {"onnx": "2"})


def test_an_artifact_is_made_once_for_all_numbers_of_threads() -> None:
    one, two = (
        candidate
        for candidate in enumerate_candidates(FOREST, Plan(threads=(1, 2)))
        if candidate.runtime == "onnxruntime"
    )
    assert recipe_key(one, "a" * 64, {}) == recipe_key(two, "a" * 64, {})
