import subprocess
import sys
from dataclasses import replace

import pytest

from mltest.coordinator.planning import plan
from mltest.coordinator.tests.agreement import Agreement
from mltest.coordinator.tests.registry import (
    candidate_tests,
    choice_of,
    default_tests,
    make_test,
    model_tests,
    prediction_tests,
    registered_tests,
    sample_tests,
)
from mltest.shared.domain import Task
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.builder.test_recipes import FOREST

MODULE = "mltest.coordinator.tests.agreement"


def choice(**params: object) -> plan.TestChoice:
    return plan.TestChoice(module=MODULE, class_name="Agreement", params=params)


def test_a_test_is_found_by_module_and_class_and_made_with_its_parameters() -> None:
    assert make_test(choice(min_label_agreement=0.5)) == Agreement(min_label_agreement=0.5)
    assert make_test(choice_of(Agreement)) == Agreement()


def test_an_integer_may_stand_for_a_number() -> None:
    made = make_test(choice(min_label_agreement=1))
    assert isinstance(made, Agreement)
    assert isinstance(made.min_label_agreement, float)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (choice(min_label_agrement=0.5), "nearest valid one is 'min_label_agreement'"),
        (choice(min_label_agreement="much"), "has to be of type float, not str"),
        (choice(min_label_agreement=True), "has to be of type float, not bool"),
        (choice(min_label_agreement=2.0), "between 0 and 1"),
        (plan.TestChoice(module=MODULE, class_name="Agrement"), "nearest valid one is 'Agreement'"),
        (
            plan.TestChoice(module="mltest.coordinator.tests.agrement", class_name="Agreement"),
            f"nearest valid one is '{MODULE}'",
        ),
    ],
)
def test_what_is_not_valid_is_refused_with_what_is(wrong: plan.TestChoice, words: str) -> None:
    with pytest.raises(PlanInvalidError, match=words):
        make_test(wrong)


def test_the_defaults_are_the_tests_that_apply() -> None:
    def names(**changes: object) -> set[str]:
        model = replace(FOREST, **changes.pop("model", {}))  # type: ignore[arg-type]  # fields of a ModelInfo
        return {found.class_name for found in default_tests(model, has_target=bool(changes.pop("target", True)))}

    assert "ClassificationQuality" in names()
    assert "RegressionQuality" not in names()
    assert "RegressionQuality" in names(model={"task": Task.REGRESSION})
    assert "ClassificationQuality" not in names(target=False)
    assert "Agreement" in names(target=False)


def test_every_registered_test_has_exactly_one_role() -> None:
    choices = [choice_of(found) for found in registered_tests()]
    roles = (sample_tests(choices), prediction_tests(choices), model_tests(choices), candidate_tests(choices))
    assert sum(map(len, roles)) == len(choices)
    assert all(roles)


def test_reading_the_registries_imports_no_ml_library() -> None:
    program = """
import sys
import mltest.coordinator.builder.client, mltest.coordinator.builder.recipes
from mltest.coordinator.builder.exporters.registry import exporter_needs
from mltest.coordinator.tests.registry import registered_tests
assert exporter_needs() and registered_tests()
heavy = {"numpy", "sklearn", "onnx", "onnxruntime", "skl2onnx", "treelite", "skops", "pyarrow"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)
