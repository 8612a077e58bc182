"""The registry of tests, by module and class as a plan names them.

A test's parameters are the fields of its dataclass: a name that is none of them, or a value of another type, is
refused with what would be valid. Importing the registry imports no ML library.
"""

import difflib
import importlib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, TypeVar

from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.role import CandidateTest, ModelTest, Needs, PredictionTest, SampleTest
from mltest.shared.domain import ModelInfo
from mltest.shared.errors import PlanInvalidError
from mltest.shared.installed_module import installed_source
from mltest.shared.plugins import Registry, import_failure

Test = SampleTest | PredictionTest | ModelTest | CandidateTest
TestT = TypeVar("TestT", bound=Test)

_REGISTRY: Registry[type[Test]] = Registry(
    group="mltest.tests",
    package="mltest.coordinator.tests",
    name_of=lambda found: f"{found.__module__}.{found.__qualname__}",
)

_LISTED = 40
"""Valid words that a message names at most: a large forest has hundreds of candidates."""


def test(test_class: type[TestT]) -> type[TestT]:
    """Register a test: a decorator for its dataclass (TypeError if it has no name, no needs, or is no dataclass)."""
    if not hasattr(test_class, "__dataclass_fields__"):
        raise TypeError(f"{test_class.__qualname__} has to be a dataclass: put @dataclass below @test")
    for attribute, kind in (("name", str), ("needs", Needs)):
        if not isinstance(getattr(test_class, attribute, None), kind):
            raise TypeError(f"{test_class.__qualname__} needs a class attribute {attribute!r} of type {kind.__name__}")
    _REGISTRY.add(typing.cast("type[Test]", test_class))
    return test_class


def registered_tests() -> tuple[type[Test], ...]:
    """Return every test class, those of this project first."""
    return tuple(_REGISTRY.all().values())


def choice_of(test_class: type[Test], params: Mapping[str, object] | None = None) -> TestChoice:
    """Return what names `test_class` in a plan."""
    return TestChoice(module=test_class.__module__, class_name=test_class.__qualname__, params=params or {})


def make_test(choice: TestChoice) -> Test:
    """Return the test that `choice` names, with its parameters.

    Raises:
        PlanInvalidError: there is no such test or parameter, or a value has the wrong type; the nearest valid one is
            named.

    """
    test_class = class_of(choice)
    params = _checked_params(test_class, choice.params)
    try:
        return test_class(**params)
    except ValueError as error:
        raise PlanInvalidError(detail=f"{choice.class_name}: {error}") from error


def default_tests(model: ModelInfo, *, has_target: bool, has_groups: bool = False) -> tuple[TestChoice, ...]:
    """Return every registered test that applies to such a job and need not be asked for, with its defaults."""
    return tuple(
        choice_of(test_class)
        for test_class in registered_tests()
        if is_default(test_class) and applies(test_class.needs, model, has_target=has_target, has_groups=has_groups)
    )


def is_default(test_class: type[Test]) -> bool:
    """Return whether a test is made where a plan names none."""
    return bool(getattr(test_class, "is_default", True))


def applies(needs: Needs, model: ModelInfo, *, has_target: bool, has_groups: bool = False) -> bool:
    """Return whether a test with such needs makes sense for the model and its data."""
    return not obstacle(needs, model, has_target=has_target, has_groups=has_groups)


def obstacle(needs: Needs, model: ModelInfo, *, has_target: bool, has_groups: bool = False) -> str:
    """Return why a test with such needs makes no sense for the model and its data, for people; empty if it does."""
    if needs.tasks and model.task not in needs.tasks:
        return f"it is for {_listed([task.value for task in needs.tasks])}, and this is {model.task.value}"
    if needs.families and model.family not in needs.families:
        return f"it is for {_listed(needs.families)}, and this model is of the family {model.family}"
    if needs.formats and model.format not in needs.formats:
        return f"it reads {_listed(needs.formats)} files, and this model is {model.format}"
    if needs.target and not has_target:
        return "the data have no true values (y, or --target COLUMN)"
    return "no column of groups is named (--group COLUMN)" if needs.groups and not has_groups else ""


def sample_tests(choices: Iterable[TestChoice]) -> tuple[SampleTest, ...]:
    """Return those of the chosen tests that turn raw samples into results."""
    made = (make_test(choice) for choice in choices)
    return tuple(found for found in made if is_sample_test(type(found)))  # type: ignore[misc]  # by role


def prediction_tests(choices: Iterable[TestChoice]) -> tuple[PredictionTest, ...]:
    """Return those of the chosen tests that turn predictions into results."""
    made = (make_test(choice) for choice in choices)
    return tuple(found for found in made if is_prediction_test(type(found)))  # type: ignore[misc]  # by role


def model_tests(choices: Iterable[TestChoice]) -> tuple[TestChoice, ...]:
    """Return those choices whose test examines the submitted model and its data."""
    return tuple(choice for choice in choices if is_model_test(class_of(choice)))


def candidate_tests(choices: Iterable[TestChoice]) -> tuple[TestChoice, ...]:
    """Return those choices whose test compares the artifacts of lossy candidates with the submitted model."""
    return tuple(choice for choice in choices if is_candidate_test(class_of(choice)))


def is_own(test_class: type[Test]) -> bool:
    """Return whether `test_class` belongs to this project, and not to a user."""
    return test_class.__module__.startswith("mltest.")


def is_prediction_test(test_class: type[Test]) -> bool:
    """Return whether `test_class` has the role of a `PredictionTest`."""
    return hasattr(test_class, "gate")


def is_model_test(test_class: type[Test]) -> bool:
    """Return whether `test_class` has the role of a `ModelTest`."""
    return hasattr(test_class, "examine")


def is_candidate_test(test_class: type[Test]) -> bool:
    """Return whether `test_class` has the role of a `CandidateTest`."""
    return hasattr(test_class, "compare")


def is_sample_test(test_class: type[Test]) -> bool:
    """Return whether `test_class` has the role of a `SampleTest`."""
    others = (is_prediction_test, is_model_test, is_candidate_test)
    return not any(is_other(test_class) for is_other in others)


def nearest(name: str, valid: Sequence[str]) -> str:
    """Return the sentence that names the valid word nearest to `name`, or the first of them if none is near."""
    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    if near:
        return f"the nearest valid one is {near[0]!r}"
    more = f" and {len(valid) - _LISTED} more" if len(valid) > _LISTED else ""
    return f"valid are {', '.join(valid[:_LISTED]) or 'none'}{more}"


def class_of(choice: TestChoice) -> type[Test]:
    """Return the test class that `choice` names (PlanInvalidError otherwise, with the nearest one)."""
    known = registered_tests()
    if choice.module not in {found.__module__ for found in known}:
        _import_users(choice.module)
        known = registered_tests()
    modules = tuple(dict.fromkeys(found.__module__ for found in known))
    if choice.module not in modules:
        raise PlanInvalidError(detail=f"no test module {choice.module!r}; {nearest(choice.module, modules)}")
    classes = {found.__qualname__: found for found in known if found.__module__ == choice.module}
    if choice.class_name not in classes:
        hint = nearest(choice.class_name, tuple(classes))
        raise PlanInvalidError(detail=f"{choice.module} has no test {choice.class_name!r}; {hint}")
    return classes[choice.class_name]


def _import_users(module: str) -> None:
    """Import a module of a user that registers tests, if it is installed (PlanInvalidError if it cannot be imported).

    A plan may come from elsewhere: a module is only imported if its text names this registry.
    """
    reason = _REGISTRY.left_out.get(module, "")
    source = "" if reason else installed_source(module)
    if __name__ in source:
        try:
            importlib.import_module(module)
        except Exception as error:
            reason = import_failure(error)
    if reason:
        raise PlanInvalidError(detail=f"the test module {module!r} cannot be imported: {reason}")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _checked_params(test_class: type[Test], params: Mapping[str, object]) -> dict[str, Any]:
    hints = typing.get_type_hints(test_class)
    known = {item.name: item for item in fields(test_class)}  # type: ignore[arg-type]  # every test is a dataclass
    checked: dict[str, Any] = {}
    for name, value in params.items():
        if name not in known:
            hint = nearest(name, tuple(known))
            raise PlanInvalidError(detail=f"{test_class.__qualname__} has no parameter {name!r}; {hint}")
        checked[name] = _converted(value, hints[name], where=f"{test_class.__qualname__}.{name}")
    for name, item in known.items():
        if name not in checked and item.default is MISSING and item.default_factory is MISSING:
            raise PlanInvalidError(detail=f"{test_class.__qualname__} needs the parameter {name!r}")
    return checked


def _converted(value: object, hint: object, *, where: str) -> object:
    """Return `value`, as read from TOML or JSON, as a `hint`: lists become tuples, integers may stand for floats."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_converted(item, arguments[0], where=where) for item in value)
    if origin in (UnionType, typing.Union):
        matching = [option for option in arguments if _is_a(value, option)]
        if matching:
            return _converted(value, matching[0], where=where)
    if _is_a(value, hint):
        return float(value) if hint is float else value  # type: ignore[arg-type]  # a number, by the check
    expected = getattr(hint, "__name__", str(hint))
    raise PlanInvalidError(detail=f"{where} has to be of type {expected}, not {type(value).__name__} ({value!r})")


def _is_a(value: object, hint: object) -> bool:
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float)
    if typing.get_origin(hint) is tuple:
        return isinstance(value, list | tuple)
    return isinstance(hint, type) and isinstance(value, hint)
