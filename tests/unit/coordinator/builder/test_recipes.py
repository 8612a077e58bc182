from dataclasses import replace

import pytest

from mltest.coordinator.builder.exporters.registry import exporter_needs
from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.coordinator.builder.recipes import enumerate_candidates, enumerate_recipes, recipe_key
from mltest.coordinator.builder.transforms.registry import transform_label, transform_needs
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import Variant
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import ModelInfo, Output, Task
from mltest.shared.errors import PlanInvalidError
from mltest.shared.native.onnx_on_gpu import ON_GPU

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

EARLIER_IDS = {
    "scikit-learn": "c3f7705fe156",
    "scikit-learn, 2 threads": "ef881e96fee9",
    "onnxruntime": "2ef419f88ff2",
    "onnxruntime, 2 threads": "2da5802c62fb",
    "treelite": "1fdd746bd227",
    "treelite, 2 threads": "3ee19d8cdbe1",
}
NATIVE = ExporterNeeds(name="native", runtimes=("scikit-learn",), formats={"skops": "skops"}, is_native=True)
NETWORK = ExporterNeeds(
    name="network",
    runtimes=("onnxruntime",),
    formats={"skops": "onnx"},
    variants=(
        Variant(),
        Variant(name="int8", options={"bits": "8"}, is_lossy=True, uses_rows=True),
        Variant(name="fused", options={"fuse": "yes"}, families=("mlp",)),
    ),
)
PRUNE = TransformNeeds(
    name="prune-trees",
    formats=("skops",),
    families=("forest", "boosting"),
    takes="ensembles of trees",
    variants=(
        Variant(name="32", options={"trees": "32"}, is_lossy=True),
        Variant(name="8", options={"trees": "8"}, is_lossy=True, uses_rows=True),
    ),
)


def test_the_baseline_is_number_one_and_the_only_one() -> None:
    candidates = enumerate_candidates(FOREST, Plan(threads=(1, 2)))
    assert [candidate.is_baseline for candidate in candidates] == [True, *[False] * (len(candidates) - 1)]
    assert (candidates[0].runtime, candidates[0].format, candidates[0].threads) == ("scikit-learn", "skops", 1)


def test_every_runtime_and_number_of_threads_is_a_candidate() -> None:
    found = enumerate_candidates(FOREST, Plan(threads=(1, 2)))
    candidates = [candidate for candidate in found if not candidate.reason]
    runtimes = ("scikit-learn", "onnxruntime", "treelite", "daal4py")
    expected = {(runtime, threads) for runtime in runtimes for threads in (1, 2)}
    assert {(candidate.runtime, candidate.threads) for candidate in candidates} >= expected
    assert len({candidate.candidate_id for candidate in candidates}) == len(candidates)
    assert all(len(candidate.candidate_id) == 12 for candidate in candidates)


@pytest.mark.parametrize("threads", [(1, 2), (2,)])
def test_what_runs_in_one_thread_is_one_candidate(threads: tuple[int, ...]) -> None:
    candidates = enumerate_candidates(FOREST, Plan(threads=threads))
    own = [candidate for candidate in candidates if candidate.runtime == "c"]
    assert len({candidate.variant for candidate in own}) == len(own)
    assert {candidate.threads for candidate in own} == {1}


def test_what_a_runtime_cannot_take_is_listed_with_its_reason() -> None:
    candidates = enumerate_candidates(replace(FOREST, family="svm"), Plan())
    impossible = {candidate.runtime: candidate for candidate in candidates if candidate.reason}
    assert {"treelite", "daal4py", "openvino"} <= set(impossible)
    assert not {"scikit-learn", "onnxruntime", "numpy"} & set(impossible)
    assert impossible["treelite"].reason_code == "MODEL_UNSUPPORTED"
    assert impossible["treelite"].reason.startswith("treelite takes tree ensembles")
    assert impossible["treelite"].reason.endswith("this model's family is svm")


def test_a_runtime_that_no_exporter_serves_says_once_what_all_of_them_take() -> None:
    candidates = enumerate_candidates(replace(FOREST, family="neighbors"), Plan(threads=(1, 2)))
    (reason,) = (candidate.reason for candidate in candidates if candidate.runtime == "c")
    assert reason.startswith("c takes tree ensembles of scikit-learn, XGBoost and LightGBM; or linear models, ")
    assert reason.endswith(", this model's family is neighbors")
    assert reason.count("this model's family") == 1


def test_a_reason_is_told_whole_whatever_words_an_exporter_says_of_itself() -> None:
    tables = replace(NETWORK, families=("svm",), takes="tables, this and that")
    lists = replace(tables, name="lists", takes="lists")
    (_, found) = enumerate_candidates(FOREST, Plan(), (NATIVE, tables, lists), ())
    assert found.reason_code == "MODEL_UNSUPPORTED"
    assert found.reason == "onnxruntime takes tables, this and that; or lists, this model's family is forest"


def test_a_generator_that_is_missing_here_is_one_candidate_with_the_command_that_installs_it() -> None:
    absence = "tool is not installed where artifacts are made; pip install 'mltest-fleet[tools]'"
    found = enumerate_candidates(FOREST, Plan(), (NATIVE, replace(NETWORK, packages=("tool",), absence=absence)), ())
    assert [(one.runtime, one.reason) for one in found] == [("scikit-learn", ""), ("onnxruntime", absence)]
    assert found[1].reason_code == "CONVERSION_FAILED"


def test_an_onnx_file_runs_as_it_is_and_nowhere_else() -> None:
    candidates = enumerate_candidates(replace(FOREST, format="onnx"), Plan())
    assert (candidates[0].runtime, candidates[0].exporter, candidates[0].is_baseline) == (
        "onnxruntime",
        "onnx_native",
        True,
    )
    impossible = {candidate.runtime for candidate in candidates if candidate.reason}
    assert {"scikit-learn", "treelite", "daal4py", "numpy", "openvino"} <= impossible
    assert "onnxruntime" not in impossible


def test_a_program_of_pytorch_has_every_way_of_a_network() -> None:
    needs = [replace(found, absence="") for found in exporter_needs()]
    recipes = enumerate_recipes(replace(FOREST, format="pt2", family="network"), Plan(), needs)
    baseline, *others = (candidate.label for candidate in recipes.candidates if not candidate.reason)
    assert baseline == "torch"
    assert sorted(others) == [
        *("litert", "onnxruntime", "onnxruntime, fp16", "onnxruntime, int8", "onnxruntime, int8 dynamic"),
        *("onnxruntime-cuda", "onnxruntime-cuda, fp16", "onnxruntime-tensorrt", "onnxruntime-tensorrt, fp16"),
        *("openvino", "torch, TorchScript", "torch-compile"),
    ]
    assert recipes.candidates[0].is_baseline
    reasons = {cell.label: cell.reason for cell in recipes.pruned}
    assert "litert" not in reasons


@pytest.mark.parametrize("file_format", ["onnx", "pt2"])
def test_a_gpu_gets_the_artifact_of_the_processor(file_format: str) -> None:
    needs = [replace(found, absence="") for found in exporter_needs()]
    network = replace(FOREST, format=file_format, family="network")
    found = {one.label: one for one in enumerate_candidates(network, Plan(), needs)}
    for name in ("", ", fp16"):
        keys = {recipe_key(found[f"{one}{name}"], "a" * 64, {}) for one in ("onnxruntime", *ON_GPU)}
        assert len(keys) == 1
    assert len({found[one].candidate_id for one in ("onnxruntime", *ON_GPU)}) == 3
    assert found["onnxruntime"].is_baseline == (file_format == "onnx")


def test_a_gpu_is_one_candidate_whatever_numbers_of_threads_the_plan_names() -> None:
    network = replace(FOREST, format="onnx", family="network")
    found = enumerate_candidates(network, Plan(threads=(2, 4)))
    assert [one.threads for one in found if one.runtime == "onnxruntime-cuda"] == [1, 1]
    assert [one.threads for one in found if one.label.startswith("onnxruntime, fp16")] == [2, 4]


def test_int8_as_processors_have_it_is_pruned_on_a_gpu_with_the_reason() -> None:
    pruned = enumerate_recipes(replace(FOREST, format="onnx", family="network"), Plan()).pruned
    reasons = {cell.label: cell.reason for cell in pruned}
    for label in (f"{runtime}, int8{kind}" for runtime in ON_GPU for kind in ("", " dynamic")):
        assert "those of processors" in reasons[label]


@pytest.mark.parametrize(("file_format", "family"), [("skops", "forest"), ("onnx", "forest"), ("lightgbm", "boosting")])
def test_only_networks_are_taken_to_a_gpu(file_format: str, family: str) -> None:
    found = enumerate_candidates(replace(FOREST, format=file_format, family=family), Plan())
    refused = {one.runtime: one.reason for one in found if one.runtime in ON_GPU}
    assert set(refused) == set(ON_GPU)
    for runtime, reason in refused.items():
        assert reason.startswith(f"{runtime} takes networks: ")


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


def test_the_product_begins_with_the_model_as_submitted() -> None:
    candidates = enumerate_candidates(FOREST, Plan(transforms=("all",)), (NETWORK, NATIVE), (PRUNE,))
    assert [candidate.label for candidate in candidates] == [
        *("scikit-learn", "onnxruntime", "onnxruntime, int8"),
        *("scikit-learn, prune-trees 32", "onnxruntime, prune-trees 32", "onnxruntime, int8, prune-trees 32"),
        *("scikit-learn, prune-trees 8", "onnxruntime, prune-trees 8", "onnxruntime, int8, prune-trees 8"),
    ]
    assert [candidate.is_baseline for candidate in candidates] == [True, *[False] * 8]
    assert [candidate.is_lossy for candidate in candidates] == [False, False, True, *[True] * 6]
    assert [candidate.uses_rows for candidate in candidates] == [*[False, False, True] * 2, *[True] * 3]
    assert len({candidate.candidate_id for candidate in candidates}) == 9


def test_what_is_pruned_keeps_its_reason() -> None:
    pruned = enumerate_recipes(replace(FOREST, family="svm"), Plan(), (NATIVE, NETWORK), (PRUNE,)).pruned
    assert [(cell.label, cell.reason) for cell in pruned] == [
        ("onnxruntime, fused", "it takes models of the families mlp, this model's family is svm"),
        ("prune-trees", "it takes ensembles of trees, this model's family is svm"),
    ]


def test_an_exporter_of_which_no_variant_fits_is_ruled_out() -> None:
    fused = replace(NETWORK, variants=NETWORK.variants[2:])
    candidates = enumerate_candidates(FOREST, Plan(), (NATIVE, fused), ())
    assert [(candidate.label, bool(candidate.reason)) for candidate in candidates] == [
        ("scikit-learn", False),
        ("onnxruntime", True),
    ]


def test_two_exporters_of_one_runtime_are_told_apart() -> None:
    candidates = enumerate_candidates(FOREST, Plan(), (NATIVE, NETWORK, replace(NETWORK, name="other")), ())
    labels = [candidate.label for candidate in candidates]
    assert len(set(labels)) == len(labels)
    assert "onnxruntime, int8 (other)" in labels


def test_options_transform_and_rows_make_another_artifact() -> None:
    candidates = enumerate_candidates(FOREST, Plan(transforms=("all",)), (NATIVE, NETWORK), (PRUNE,))
    keys = {recipe_key(candidate, "a" * 64, {}, rows_sha256="b" * 64) for candidate in candidates}
    assert len(keys) == len(candidates)
    for candidate in candidates:
        changes = recipe_key(candidate, "a" * 64, {}) != recipe_key(candidate, "a" * 64, {}, rows_sha256="b" * 64)
        assert changes == candidate.uses_rows


def test_what_an_exporter_answers_does_not_change_the_key_of_its_artifact() -> None:
    made = enumerate_candidates(FOREST, Plan(), (NATIVE, NETWORK), ())[2]
    again = replace(made, options={**made.options, "answer": "yes"})
    assert recipe_key(made, "a" * 64, {}) == recipe_key(again, "a" * 64, {})


def test_plain_candidates_keep_the_identities_that_earlier_jobs_stored() -> None:
    found = {
        candidate.label: candidate.candidate_id for candidate in enumerate_candidates(FOREST, Plan(threads=(1, 2)))
    }
    assert {label: found[label] for label in EARLIER_IDS} == EARLIER_IDS


def test_no_two_variants_are_the_same_recipe() -> None:
    for needs in exporter_needs():
        for family in {name for variant in needs.variants for name in variant.families} or {""}:
            variants = [variant for variant in needs.variants if not variant.families or family in variant.families]
            options = [sorted(variant.options.items()) for variant in variants]
            names = [variant.name for variant in variants]
            assert len(names) == len(set(names)), (needs.name, family)
            assert all(options.count(found) == 1 for found in options), (needs.name, family)
    labels = [transform_label(needs, variant) for needs in transform_needs() for variant in needs.variants]
    assert len(labels) == len(set(labels))
    assert not any(" " in needs.name for needs in transform_needs())
