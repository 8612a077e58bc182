"""Which candidates of the product a plan wants."""

from dataclasses import replace

import pytest

from mltest.coordinator.builder.choice import choose, left_out_texts, spread
from mltest.coordinator.builder.recipes import enumerate_candidates, enumerate_recipes
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.tests.registry import nearest
from mltest.shared.domain import Candidate
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.builder.test_recipes import FOREST, NATIVE, NETWORK, PRUNE

TREES = replace(NETWORK, name="trees", runtimes=("treelite",), variants=NETWORK.variants[:1])
PRODUCT = enumerate_candidates(FOREST, Plan(threads=(1, 2), transforms=("all",)), (NATIVE, NETWORK, TREES), (PRUNE,))

ALL = Plan(transforms=("all",))


def labels(plan: Plan) -> list[str]:
    return [candidate.label for candidate in choose(PRODUCT, plan).kept]


def test_without_a_choice_the_model_as_submitted_is_made_in_every_way() -> None:
    choice = choose(PRODUCT, Plan())
    assert choice.kept == tuple(one for one in PRODUCT if not one.transform)
    assert {one.reason for one in choice.left_out} == {"--transform all, in a plan transforms, makes them too"}


def test_every_transform_has_a_name_of_its_own() -> None:
    choice = choose(PRODUCT, ALL)
    assert choice.kept == PRODUCT
    assert choice.left_out == ()


def test_a_transform_is_chosen_by_name_or_with_its_size() -> None:
    assert {one.transform for one in choose(PRODUCT, Plan(transforms=("none",))).kept} == {""}
    found = choose(PRODUCT, Plan(transforms=("prune-trees",))).kept
    assert {one.transform for one in found} == {"", "prune-trees 32", "prune-trees 8"}
    assert [one.label for one in found if not one.transform] == ["scikit-learn"]
    assert {one.transform for one in choose(PRODUCT, Plan(transforms=("prune-trees 8",))).kept} == {"", "prune-trees 8"}


def test_patterns_choose_by_label_or_identity_and_keep_the_baseline() -> None:
    assert labels(Plan(only=("treelite*",), skip=("*2 threads",))) == ["scikit-learn", "treelite"]
    assert labels(Plan(only=("treelite*",), skip=("*2 threads",), transforms=("all",))) == [
        *("scikit-learn", "treelite", "treelite, prune-trees 32", "treelite, prune-trees 8"),
    ]
    last = PRODUCT[-1]
    assert labels(Plan(only=(last.candidate_id,))) == ["scikit-learn", last.label]
    assert labels(Plan(skip=("*",))) == ["scikit-learn"]
    assert labels(Plan(only=("scikit-learn",))) == ["scikit-learn"]


@pytest.mark.parametrize("glob", ["*", "treelite*", "*2 threads", "*e*"])
def test_a_pattern_that_the_model_as_submitted_fits_makes_nothing_else_of_it(glob: str) -> None:
    choice = choose(PRODUCT, Plan(only=(glob,)))
    assert {one.transform for one in choice.kept} == {""}
    closed = {one.reason for one in choice.left_out if one.candidate.transform}
    assert "--transform all, in a plan transforms, makes them too" in closed


@pytest.mark.parametrize("glob", ["*prune*", "treelite, prune-trees 8", "treelite*8", "*trees 8, 2 threads"])
def test_a_pattern_that_names_a_transform_makes_it(glob: str) -> None:
    kept = [one for one in choose(PRODUCT, Plan(only=(glob,))).kept if not one.is_baseline]
    assert kept
    assert all(one.transform for one in kept)


def test_what_is_left_out_says_why() -> None:
    choice = choose(PRODUCT, Plan(runtimes=("treelite", "scikit-learn"), skip=("*prune*",), transforms=("all",)))
    reasons = {one.candidate.label: one.reason for one in choice.left_out}
    assert reasons["onnxruntime, int8"] == "runtimes are treelite, scikit-learn"
    assert reasons["treelite, prune-trees 32"] == "skip *prune*"
    assert len(choice.kept) + len(choice.left_out) == len(PRODUCT)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(only=("onnxruntime, int7",)), "nearest valid one is 'onnxruntime, int8'"),
        (Plan(transforms=("prune-tree",)), "nearest valid one is 'prune-trees'"),
        (Plan(runtimes=("treelit",)), "nearest valid one is 'treelite'"),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_the_nearest(plan: Plan, message: str) -> None:
    with pytest.raises(PlanInvalidError, match=message):
        enumerate_recipes(FOREST, plan, (NATIVE, NETWORK, TREES), (PRUNE,))


def test_of_hundreds_of_candidates_some_are_named() -> None:
    assert nearest("zzzz", [f"number {index}" for index in range(316)]).endswith(", number 39 and 276 more")


def test_a_few_candidates_cover_every_runtime_first() -> None:
    assert labels(Plan(transforms=("all",), max_candidates=3)) == ["scikit-learn", "onnxruntime", "treelite"]


@pytest.mark.parametrize("limit", range(1, len(PRODUCT) + 2))
def test_the_limit_holds_and_the_baseline_is_in(limit: int) -> None:
    choice = choose(PRODUCT, Plan(transforms=("all",), max_candidates=limit))
    assert len(choice.kept) == min(limit, len(PRODUCT))
    assert choice.kept[0].is_baseline
    assert list(choice.kept) == [one for one in PRODUCT if one in choice.kept]


def test_lossy_candidates_come_behind_all_others() -> None:
    lossy = [one.is_lossy for one in spread(PRODUCT)]
    assert lossy == sorted(lossy)
    only_lossy = replace(PRODUCT[-1], candidate_id="x", runtime="emlearn", is_lossy=True)
    kept = choose((*PRODUCT, only_lossy), Plan(transforms=("all",), max_candidates=4)).kept
    assert [one.runtime for one in kept].count("emlearn") == 0


def test_more_candidates_add_changes_that_were_tried_least() -> None:
    first = spread(PRODUCT)[:12]
    assert {one.runtime for one in first[3:6]} == {"scikit-learn", "onnxruntime", "treelite"}
    assert {one.transform for one in first} == {"", "prune-trees 32", "prune-trees 8"}
    assert {one.threads for one in first} == {1, 2}
    assert "int8" in {one.variant for one in first}


def test_what_cannot_be_made_costs_nothing_and_is_not_counted() -> None:
    impossible = replace(PRODUCT[-1], candidate_id="x", reason="no", reason_code="MODEL_UNSUPPORTED")
    kept = choose((*PRODUCT, impossible), Plan(transforms=("all",), max_candidates=2)).kept
    assert len(kept) == 3
    assert kept[-1] == impossible


def test_what_is_left_out_is_told_in_one_sentence() -> None:
    (text,) = left_out_texts(choose(PRODUCT, Plan(transforms=("all",), max_candidates=3)).left_out)
    assert text.startswith(f"{len(PRODUCT) - 3} candidates are left out (max_candidates is 3): ")
    assert text.endswith(f" and {len(PRODUCT) - 13} more")


def test_a_plan_file_holds_the_choice() -> None:
    plan = Plan(transforms=("none", "cap-depth 4"), only=("*int8*",), skip=("a[b]",), max_candidates=7)
    assert parse_plan(plan_toml(plan)) == plan
    with pytest.raises(PlanInvalidError, match="max_candidates"):
        parse_plan("[candidates]\nmax_candidates = -1\n")


def test_the_choice_does_not_change_identities() -> None:
    def found(candidates: tuple[Candidate, ...]) -> dict[str, str]:
        return {candidate.label: candidate.candidate_id for candidate in candidates}

    everything, some = found(PRODUCT), found(choose(PRODUCT, Plan(transforms=("all",), max_candidates=5)).kept)
    assert some.items() <= everything.items()
