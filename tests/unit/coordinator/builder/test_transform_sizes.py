"""Sizes of transforms that a user names."""

import pytest

from mltest.coordinator.builder.recipes import enumerate_recipes
from mltest.coordinator.builder.transform_sizes import sized_name, sized_names, sized_variant, with_sizes
from mltest.coordinator.builder.transforms.registry import transform_label, transform_needs
from mltest.coordinator.commands.choice_arguments import add_choice_arguments
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.shared.domain import ModelInfo
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.builder.test_recipes import FOREST, NATIVE

SIZED = ("prune-trees", "cap-depth", "first-stages", "prune-cost-complexity", "prune-weights", "prune-units")


def transforms_of(*wanted: str, model: ModelInfo = FOREST) -> list[str]:
    found = enumerate_recipes(model, Plan(transforms=wanted), (NATIVE,))
    return [one.transform for one in found.candidates if one.transform]


def test_sizes_stand_in_the_place_of_the_usual_ones() -> None:
    assert transforms_of("prune-cost-complexity") == ["prune-cost-complexity 1/2", "prune-cost-complexity 1/4"]
    assert transforms_of("prune-cost-complexity=500,1/8") == [
        *("prune-cost-complexity 500", "prune-cost-complexity 1/8")
    ]


def test_every_way_of_a_transform_takes_the_sizes_or_one_of_them_alone() -> None:
    assert transforms_of("prune-trees=8,16") == [
        f"prune-trees {method} {size}"
        for method in ("reduced-error", "complementarity", "individual")
        for size in ("8", "16")
    ]
    assert transforms_of("cap-depth refined=3") == ["cap-depth 3 refined"]


def test_sizes_beside_all_transforms_change_those_of_one() -> None:
    found = transforms_of("all", "cap-depth=3")
    assert {one for one in found if one.startswith("cap-depth")} == {"cap-depth 3", "cap-depth 3 refined"}
    assert "prune-trees reduced-error 1/2" in found


def test_one_size_has_one_name_however_it_is_written() -> None:
    assert transforms_of("prune-cost-complexity=0.5,2/4,1/2") == ["prune-cost-complexity 1/2"]
    found, usual = (
        enumerate_recipes(FOREST, Plan(transforms=(text,)), (NATIVE,)).candidates
        for text in ("prune-cost-complexity=0.5", "prune-cost-complexity")
    )
    assert found[1] == usual[1], "and the identity that it always had"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prune-trees=", "'' is no amount"),
        ("prune-trees=many", "'many' is no amount; give a number"),
        ("prune-trees=1.5", "is neither"),
        ("prune-trees=0", "is nothing"),
        ("prune-trees=1e999999999", "is no amount"),
        ("prune-trees=" + ",".join(map(str, range(1, 50))), "49 sizes; 32 is the most"),
    ],
)
def test_what_is_no_size_is_refused_when_the_plan_is_read(text: str, message: str) -> None:
    with pytest.raises(PlanInvalidError, match=message):
        parse_plan(f'[candidates]\ntransforms = ["{text}"]\n')


def test_what_takes_no_size_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanInvalidError, match="'prune-tree' takes sizes; the nearest valid one is 'prune-trees'"):
        transforms_of("prune-tree=8")
    with pytest.raises(PlanInvalidError, match="no transform 'none' takes sizes"):
        transforms_of("none=8")


def test_sizes_survive_being_written_as_a_plan() -> None:
    plan = Plan(transforms=("none", "prune-trees=8,1/4"))
    assert parse_plan(plan_toml(plan)) == plan


@pytest.mark.parametrize("name", SIZED)
def test_the_usual_variants_are_the_templates_in_some_size(name: str) -> None:
    needs = next(found for found in transform_needs() if found.name == name)
    assert name in sized_names(needs)
    for variant in needs.variants:
        assert sized_variant(needs, transform_label(needs, variant)) == variant
    (sized,) = with_sizes((needs,), (f"{name}=7",))
    assert [sized_variant(needs, transform_label(needs, variant)) for variant in sized.variants] == [*sized.variants]
    assert all("7" in variant.options.values() for variant in sized.variants)


def test_a_mere_name_has_no_sizes() -> None:
    assert sized_name("prune-trees 1/2") is None


def test_the_help_shows_how_sizes_are_given() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    add_choice_arguments(parser)
    assert "prune-trees=8,16,1/4" in parser.format_help()
