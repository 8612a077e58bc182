"""What FastInference is given: where it is, its JSON, what it is asked for, and which candidates that makes."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mltest.coordinator.builder.c_source.ensemble import LEAF, Ensemble, Link, Tree
from mltest.coordinator.builder.exporters.fastinference_export import FLAGS, FastInferenceExport
from mltest.coordinator.builder.fastinference.generated import joined
from mltest.coordinator.builder.fastinference.model_json import model_json
from mltest.coordinator.builder.fastinference.place import VARIABLE, place_of
from mltest.coordinator.builder.fastinference.task import task_of
from mltest.coordinator.builder.fastinference.variants import VARIANTS
from mltest.coordinator.builder.recipes import enumerate_recipes, recipe_key
from mltest.coordinator.builder.tool_report import ToolReport
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate
from mltest.shared.errors import ConversionError, ToolMissingError
from mltest.shared.native.artifact_flags import artifact_flags
from tests.unit.coordinator.builder.test_recipes import FOREST, NATIVE, PRUNE

NEEDS = FastInferenceExport.needs
REPORT = ToolReport(
    options={"fastinference": "abc, unmodified"}, broken={"optimizers.ensemble.pruning": "ImportError: no such name"}
)
NATIVE_OPTIONS = {"implementation": "native"}


def tree(threshold: float = 0.1, output: int = -1, values: tuple[float, ...] = (0.25, 0.75)) -> Tree:
    return Tree(
        features=(1, LEAF, 0, LEAF, LEAF),
        thresholds=(threshold, 0.0, 2.0, 0.0, 0.0),
        lefts=(1, LEAF, 3, LEAF, LEAF),
        rights=(2, LEAF, 4, LEAF, LEAF),
        misses_left=(False,) * 5,
        values=((), values, (), values, values),
        output=output,
    )


ENSEMBLE = Ensemble(
    feature_count=2, input_type="float32", sum_type="float64", base_scores=(0.0, 0.0), trees=(tree(),) * 2, divisor=2
)


def first_tree(ensemble: Ensemble, visits: tuple[tuple[int, ...], ...] = ()) -> Any:
    made: Any = model_json(ensemble, visits)
    return made["models"][0]["model"]


def test_json_is_nested_as_the_tool_reads_it() -> None:
    found = first_tree(ENSEMBLE)
    assert (found["category"], found["classes"], found["n_features"], found["name"]) == ("tree", [0, 1], 2, "tree_0")
    root = found["model"]
    assert (root["feature"], root["prediction"]) == (1, None)
    assert root["leftChild"]["prediction"] == [0.25, 0.75]
    assert root["rightChild"]["rightChild"]["prediction"] == [0.25, 0.75]


def test_thresholds_are_rounded_down_where_x_is_float32() -> None:
    split = first_tree(ENSEMBLE)["model"]["split"]
    assert split < 0.1 and 0.1 - split < 1e-8
    assert first_tree(replace(ENSEMBLE, input_type="float64"))["model"]["split"] == 0.1


def test_a_tree_of_one_class_adds_nothing_to_the_others() -> None:
    single = replace(ENSEMBLE, base_scores=(0.0,) * 3, trees=(tree(output=1, values=(5.0,)),))
    assert first_tree(single)["model"]["leftChild"]["prediction"] == [0.0, 5.0, 0.0]


def test_rows_give_the_share_of_each_way() -> None:
    root = first_tree(ENSEMBLE, ((10, 4, 6, 6, 0),) * 2)["model"]
    assert (root["probLeft"], root["probRight"], root["numSamples"]) == (0.4, 0.6, 10)
    assert (root["rightChild"]["probLeft"], root["rightChild"]["rightChild"]["pathProb"]) == (1.0, 0.0)


def test_trees_may_be_deeper_than_the_stack_until_json_is_written() -> None:
    depth = 3000
    nodes = range(2 * depth + 1)
    deep = Tree(
        features=tuple(0 if node < 2 * depth and node % 2 == 0 else LEAF for node in nodes),
        thresholds=tuple(float(node) for node in nodes),
        lefts=tuple(node + 1 if node < 2 * depth and node % 2 == 0 else LEAF for node in nodes),
        rights=tuple(node + 2 if node < 2 * depth and node % 2 == 0 else LEAF for node in nodes),
        misses_left=(False,) * len(nodes),
        values=tuple((1.0, 0.0) if node % 2 or node == 2 * depth else () for node in nodes),
    )
    assert first_tree(replace(ENSEMBLE, trees=(deep,)))["model"]["feature"] == 0


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_numbers_that_its_templates_cannot_write_are_refused(number: float) -> None:
    with pytest.raises(ConversionError, match="threshold is not a finite number"):
        model_json(replace(ENSEMBLE, trees=(tree(threshold=number),)))
    with pytest.raises(ConversionError, match="leaf is not a finite number"):
        model_json(replace(ENSEMBLE, trees=(tree(values=(number, 0.0)),)))


def test_the_average_is_made_behind_unless_weights_are_learned() -> None:
    plain: Any = task_of(ENSEMBLE, NATIVE_OPTIONS, (), "")
    learned: Any = task_of(ENSEMBLE, {**NATIVE_OPTIONS, "optimizer": "leaf-refinement"}, (), "rows")
    assert (plain["model"]["models"][0]["weight"], "/ 2.0" in plain["wrapper"]) == (1.0, True)
    assert (learned["model"]["models"][0]["weight"], "/ 2.0" in learned["wrapper"]) == (0.5, False)
    with pytest.raises(ConversionError, match="classifiers only"):
        task_of(
            replace(ENSEMBLE, link=Link.SIGMOID, base_scores=(0.0,)),
            {**NATIVE_OPTIONS, "optimizer": "leaf-refinement"},
            (),
            "rows",
        )


def test_integer_leaves_have_to_fit() -> None:
    options = {**NATIVE_OPTIONS, "optimizer": "quantize", "leafs": "1000"}
    made: Any = task_of(ENSEMBLE, options, (), "")
    assert (made["arguments"]["label_type"], made["optimizers"][0]["arguments"]) == ("int", {"quantize_leafs": "1000"})
    with pytest.raises(ConversionError, match="do not fit into 32 bits"):
        task_of(replace(ENSEMBLE, trees=(tree(values=(3e6, 0.0)),)), options, (), "")


def test_swap_is_an_optimisation_of_trees_and_kernels_are_arguments() -> None:
    options = {found.name: {"implementation": "native", **found.options} for found in VARIANTS}
    swap: Any = task_of(ENSEMBLE, options["if-else swap"], (), "")
    kernel: Any = task_of(ENSEMBLE, options["if-else path kernel"], (), "")
    assert (swap["optimizers"], swap["base_optimizers"]) == ([], [{"name": "swap", "arguments": {}}])
    assert kernel["arguments"]["kernel_type"] == "path" and kernel["arguments"]["kernel_budget"] == 128
    assert json.loads(json.dumps(swap, allow_nan=False)) == swap


def test_own_headers_are_read_into_the_one_file(tmp_path: Path) -> None:
    (tmp_path / "tree_0.cpp").write_text("tree code\n")
    (tmp_path / "tree_0.h").write_text("#pragma once \ntree header\n")
    (tmp_path / "model.cpp").write_text('#include "tree_0.h"\n#include <cmath>\nmodel code\n')
    lines = [line.strip() for line in joined(tmp_path, "model", ["tree_0"]).splitlines() if line.strip()]
    assert lines == ["tree code", "tree header", "#include <cmath>", "model code"]


def test_the_setting_names_a_checkout_an_interpreter_or_both(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "fastinference").mkdir(parents=True)
    assert place_of(str(checkout)).python == Path(sys.executable)
    both = place_of(f"{checkout}:{sys.executable}")
    assert (both.checkout, both.python) == (checkout, Path(sys.executable))
    assert place_of(sys.executable).checkout is None
    own = checkout / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert place_of(str(checkout)).python == own


@pytest.mark.parametrize("setting", ["", "/nowhere", str(Path(__file__).parent)])
def test_a_setting_that_names_no_tool_says_how_to_get_it(setting: str) -> None:
    with pytest.raises(ToolMissingError, match=f"git clone .*sbuschjaeger/fastinference.*{VARIABLE}"):
        place_of(setting)


def candidates_of(plan: Plan, report: ToolReport = REPORT) -> dict[str, Candidate]:
    found = enumerate_recipes(FOREST, plan, (NATIVE, NEEDS), (), {"fastinference": report}).candidates
    return {candidate.label: candidate for candidate in found}


def test_some_recipes_are_made_unasked_and_all_on_request() -> None:
    unasked = {"scikit-learn", *(f"fastinference, {name}" for name in ("native", "native reorder", "if-else"))}
    assert set(candidates_of(Plan())) == unasked
    asked = candidates_of(Plan(only=("fastinference*",)))
    assert set(asked) == {"scikit-learn", *(f"fastinference, {found.name}" for found in VARIANTS)}
    assert set(candidates_of(Plan(transforms=("all",)))) == set(asked)


def test_what_is_made_on_request_is_made_of_the_model_as_submitted() -> None:
    plan, tools = Plan(only=("fastinference*",), transforms=("all",)), {"fastinference": REPORT}
    found = enumerate_recipes(FOREST, plan, (NATIVE, NEEDS), (PRUNE,), tools).candidates
    assert {one.variant for one in found if one.transform} == {"native", "native reorder", "if-else"}


def test_what_is_broken_upstream_is_listed_with_its_own_error() -> None:
    label, reason = "fastinference, native pruning", "fastinference fails: ImportError: no such name"
    asked = candidates_of(Plan(only=("*pruning*",)))
    assert (asked[label].reason_code, asked[label].reason) == ("CONVERSION_FAILED", reason)
    pruned = enumerate_recipes(FOREST, Plan(), (NATIVE, NEEDS), (), {"fastinference": REPORT}).pruned
    assert [(cell.label, cell.reason) for cell in pruned] == [(label, reason)]


def test_without_the_tool_its_runtime_is_listed_with_what_mends_it() -> None:
    found = candidates_of(Plan(), ToolReport(failure="it is not configured; git clone it"))["fastinference"]
    assert (found.reason_code, found.reason) == ("TOOL_MISSING", "it is not configured; git clone it")
    assert "fastinference" in {one.runtime for one in enumerate_recipes(FOREST, Plan()).candidates if one.reason}


def test_another_commit_makes_another_recipe_and_artifact() -> None:
    other = replace(REPORT, options={"fastinference": "def, changed"})
    first, second = (candidates_of(Plan(), report)["fastinference, native"] for report in (REPORT, other))
    assert first.options["fastinference"] == "abc, unmodified"
    assert first.candidate_id != second.candidate_id
    assert recipe_key(first, "a" * 64, {}) != recipe_key(second, "a" * 64, {})


def test_the_flags_that_stand_in_results_are_those_of_the_agent() -> None:
    for optimise in ("O1", "O2"):
        assert f"{FLAGS} -{optimise}".split() == list(artifact_flags({"optimise": optimise}, "c++"))
