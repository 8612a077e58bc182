"""Plans written as TOML text, with what each key means."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields

from mltest.coordinator.planning.plan import Bound, Plan, TestChoice
from mltest.coordinator.planning.plan_keys import LIMIT_KEYS, OBJECTIVE_KEYS, PLAN_SECTIONS, PlanKey
from mltest.coordinator.tests.registry import Test, choice_of, registered_tests

_HEAD = """\
# A plan for mltest-coordinator submit --plan FILE. Every key may be left out; these are the defaults.
"""
_LIMITS = """\
# Limits: a candidate beyond one of them is listed, but not ranked.
# [[limits]]
# metric = "accuracy"
# at_least = 0.95
"""
_TESTS = """\
# Tests: without any, every test that applies to the model and its data is made. These are all there are:
"""


def default_plan_toml() -> str:
    """Return a plan that changes nothing, with a comment on each key, and the tests that could be chosen."""
    tests = "".join(
        f"# {line}".rstrip() + "\n"
        for test_class in registered_tests()
        for line in _test_lines(choice_of(test_class, _defaults(test_class)))
    )
    return "\n".join([_HEAD, plan_toml(Plan()), _LIMITS, _TESTS + tests])


def plan_toml(plan: Plan) -> str:
    """Return `plan` as TOML text; reading it gives the same plan."""
    lines: list[str] = []
    for section, keys in PLAN_SECTIONS.items():
        lines += [f"[{section}]", *_key_lines(keys, plan), ""]
    lines += ["[objective]", "# What the table is ordered by.", *_key_lines(OBJECTIVE_KEYS, plan.objective), ""]
    for bound in plan.bounds:
        lines += ["[[limits]]", *_bound_lines(bound), ""]
    for choice in plan.tests:
        lines += _test_lines(choice)
    return "\n".join(lines)


def _key_lines(keys: tuple[PlanKey, ...], source: object) -> Iterator[str]:
    for key in keys:
        yield f"{key.name} = {_text(getattr(source, key.field))}  # {key.meaning}"


def _bound_lines(bound: Bound) -> Iterator[str]:
    for key in LIMIT_KEYS:
        value = getattr(bound, key.field)
        if value is not None:
            yield f"{key.name} = {_text(value)}"


def _test_lines(choice: TestChoice) -> list[str]:
    head = ["[[tests]]", f"module = {_text(choice.module)}", f"class = {_text(choice.class_name)}"]
    if choice.params:
        head.append(f"params = {_text(choice.params)}")
    return [*head, ""]


def _defaults(test_class: type[Test]) -> dict[str, object]:
    found = fields(test_class)  # type: ignore[arg-type]  # every test is a dataclass
    values = ((item.name, item.default) for item in found if item.default is not MISSING)
    return {name: value for name, value in values if value is not None}


def _text(value: object) -> str:
    """Return `value` as TOML; a JSON string is a TOML one but for DEL, which is escaped (TOML 1.0, "String")."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return "{ " + ", ".join(f"{name} = {_text(item)}" for name, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_text, value)) + "]"
        case _:
            return repr(value)
